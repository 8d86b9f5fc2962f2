"""Guesses: the questions in the lessons that want an answer before the cell below them is run."""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from lessons.catalogue import HERE, read
from tinyaae.errors import UserError
from tinyaae.surroundings import expect_printed

GUESSES = ".guesses.json"
ASKS = re.compile(r"\b(Guess|Predict|[Gg]uess first|[Bb]efore you (run|look)|Write down a guess)\b")
MARK = "\x1e"  # what is printed after it comes from the cell below the question


class Question(NamedTuple):
    """A question of a lesson: its exercise, its words, and the lines of the cell that answers it, counted from 1."""

    number: str
    words: str
    first: int
    last: int


def questions(text):
    """Return the `Question`s of a lesson's text, in order; one before the first exercise belongs to that one."""
    lines, found, number = text.split("\n"), [], None
    starts = [k for k, line in enumerate(lines) if line.startswith("# %%")] + [len(lines)]
    cells = list(itertools.pairwise(starts))
    headings = re.findall(r"^# ## Exercise (\d+\.\d+):", text, re.M)
    for k, (start, stop) in enumerate(cells):
        if "[markdown]" not in lines[start]:
            continue
        answer = next((cell for cell in cells[k + 1 :] if runs(lines[slice(*cell)])), None)
        for paragraph in "\n".join(line[2:] for line in lines[start + 1 : stop]).split("\n\n"):
            heading = re.match(r"## Exercise (\d+\.\d+):", paragraph)
            number = heading[1] if heading else number
            if ASKS.search(paragraph) and not paragraph.startswith("#") and answer and headings:
                words = " ".join(paragraph.replace("*", "").split())
                found.append(Question(number or headings[0], words, answer[0] + 1, answer[1]))
    return found


def runs(cell):
    """Whether a cell is code that runs with the lesson."""
    return "[markdown]" not in cell[0] and any(line.startswith('if __name__ == "__main__":') for line in cell)


def guess(lesson, number, again=False):
    """Ask the questions of an exercise that have no guess yet, run the lesson to the answers, print both; return 0."""
    text = read(lesson.path)
    asked = [question for question in questions(text) if question.number == number]
    if not asked:
        where = sorted({question.number for question in questions(text)}, key=lambda n: int(n.split(".")[1]))
        raise UserError(f"guess {number}: there is no question; in this lesson {', '.join(where) or 'none'} have one")
    kept = {} if again else guesses()
    for question in asked:
        if question.words not in kept:
            print(question.words)
            kept[question.words] = answer(number)
    keep(guesses() | kept)
    for question in asked:
        print(f"\n{question.words}\nYou guessed: {kept[question.words]}")
        print(f"What comes, line {question.first} of {lesson.path.name}:", flush=True)
        print(result(lesson, text, question))
    expect_printed()
    return 0


def answer(number):
    try:
        said = input("Your guess: ").strip()
    except EOFError:
        said = ""
    if not said:
        raise UserError(f"guess {number}: no guess came, expected a line; a wrong one is as good as a right one")
    return said


def result(lesson, text, question):
    """Return what the cell that answers a question prints, indented, after the cells before it have run."""
    lines = text.split("\n")[: question.last]
    lines[question.first - 1] += f"\nprint({MARK!r})"
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / lesson.path.name
        script.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        environment = os.environ | {"MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, str(script)]
        run = subprocess.run(command, cwd=place, env=environment, capture_output=True, encoding="utf-8")
    unsolved = re.search(r"NotImplementedError: (exercise \d+\.\d+)", run.stderr)
    if unsolved:
        return f"  not yet: the cell needs {unsolved[1]}; your guess is kept until it is solved"
    if run.returncode:
        return f"  the lesson stopped: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    said = run.stdout.partition(MARK)[2].strip("\n")
    return "\n".join(f"  {line}" for line in said.splitlines()) or "  nothing; the text below it has the answer"


def guesses():
    """Return question -> guess, of those kept."""
    try:
        return dict(json.loads((HERE / GUESSES).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def keep(kept):
    from lessons.student import replace_text

    try:
        replace_text(HERE / GUESSES, json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        print(f"python -m lessons: {HERE / GUESSES}: {error.strerror}; the guess is not kept", file=sys.stderr)
