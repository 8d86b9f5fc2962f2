"""What a student does with the lessons: see what is solved, check, watch, ask for a hint, start over.

A student's copy has a file `copy.json`, which the repository has not. It holds the variants of the exercises for this
term, and where the repository is if the copy was made by `start`. The lessons as they came are kept in `originals/`.
"""

import ast
import contextlib
import json
import linecache
import os
import re
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lessons import catalogue
from lessons.catalogue import HERE, read
from lessons.checking import copy_settings
from tinyaae.errors import UserError
from tinyaae.surroundings import expect_printed

COPY, HINTS, ORIGINALS = "copy.json", ".hints.json", "originals"
WORDS = ("the idea", "the shapes", "the formula")


class Outcome(NamedTuple):
    """How an exercise stands: `state` is solved, to do, wrong or broken, `says` what to tell about it."""

    exercise: object
    state: str
    says: str = ""


# Checking -------------------------------------------------------------------------------------------------------------


def outcomes(lesson, only=None):
    """Return an `Outcome` for each exercise of the lesson, or for the exercise with the number `only`."""
    exercises = [exercise for exercise in lesson.exercises if only in (None, exercise.number)]
    os.environ["MPLBACKEND"] = "agg"  # a check opens no window, whatever backend a notebook has left here
    try:
        module = catalogue.run_file(lesson.path, lesson.module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a student's file may do anything, also exit
        says = f"{lesson.path.name} cannot be read to its end.\n{in_the_lesson(error, lesson.path)}"
        return [Outcome(exercise, "broken", says) for exercise in exercises]
    return [outcome(lesson, exercise, getattr(module, exercise.name, None)) for exercise in exercises]


def outcome(lesson, exercise, function):
    """Return the `Outcome` of one exercise."""
    if not callable(function):
        says = f"{exercise.number} {exercise.name}: there is no such function in {lesson.path.name}; was it renamed?"
        return Outcome(exercise, "broken", says)
    variant = copy_settings(HERE)["variants"].get(exercise.number)
    try:
        exercise.check(function, variant=variant)
    except KeyboardInterrupt:
        raise
    except AssertionError as error:
        if isinstance(error.__cause__, NotImplementedError):
            return Outcome(exercise, "to do", str(error))
        if came_from(error, lesson.path) is None:
            return Outcome(exercise, "wrong", str(error))
        return broken(exercise, error, lesson.path)
    except BaseException as error:
        return broken(exercise, error, lesson.path)
    return Outcome(exercise, "solved", f"{exercise.number} {exercise.name}: solved")


def broken(exercise, error, path):
    says = f"{exercise.number} {exercise.name}: it raised an exception.\n{in_the_lesson(error, path)}"
    return Outcome(exercise, "broken", says)


def came_from(error, path):
    """Return the innermost (frame, line number) of the exception inside the file at `path`, or None."""
    inside = [step for step in traceback.walk_tb(error.__traceback__) if step[0].f_code.co_filename == str(path)]
    return inside[-1] if inside else None


def in_the_lesson(error, path):
    """Return an exception in words: the student's line, the shapes of the arrays in it, and what was raised."""
    place = came_from(error, path)
    raised = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return (
            f"  {path.name}, line {error.lineno}:  {(error.text or '').strip()}\n  {type(error).__name__}: {error.msg}"
        )
    if place is None:
        return f"  {raised}"
    frame, number = place
    linecache.checkcache(str(path))
    line = linecache.getline(str(path), number).strip()
    arrays = {name: value for name, value in frame.f_locals.items() if isinstance(value, np.ndarray)}
    shapes = [f"{name} {arrays[name].shape}" for name in dict.fromkeys(re.findall(r"\w+", line)) if name in arrays]
    return f"  {path.name}, line {number}:  {line}\n  {raised}" + (f"\n  with {', '.join(shapes)}" if shapes else "")


def show_list():
    """Print each lesson with its title and how its exercises stand; return 0."""
    lessons = some_lessons()
    solved = count = 0
    for lesson in lessons:
        print(f"{lesson.number:2d}  {lesson.title}")
        states = {}
        for found in outcomes(lesson):
            states.setdefault(found.state, []).append(found.exercise.number)
            solved, count = solved + (found.state == "solved"), count + 1
        print("    " + ";  ".join(f"{state}: {', '.join(numbers)}" for state, numbers in states.items()))
    print(f"{solved} of {count} exercises solved.")
    expect_printed()
    return 0


def check(which=None):
    """Check all exercises, or those that `which` names; print what is not right; return 1 if anything is unsolved."""
    return report([found for lesson, only in chosen(which) for found in outcomes(lesson, only)])


def report(found):
    """Print the outcomes, what breaks a whole lesson only once; return 1 if one is unsolved."""
    for says in dict.fromkeys(each.says for each in found):
        print(says)
    solved = sum(each.state == "solved" for each in found)
    if len(found) > 1:
        print(f"{solved} of {len(found)} exercises solved.")
    expect_printed()
    return int(solved < len(found))


def watch(which=None, poll=0.5, rounds=None):
    """Check again whenever a lesson is saved, until Ctrl-C; `rounds` bounds how often to look. Return 0."""
    watched, seen = chosen(which), {}
    try:
        while rounds is None or rounds > 0:
            for lesson, only in watched:
                now = signature(lesson.path)
                if now is not None and now != seen.get(lesson.path):
                    seen[lesson.path] = now
                    print(f"\n-- {time.strftime('%H:%M:%S')} {lesson.path.name}")
                    report(outcomes(lesson, only))
            if rounds is not None:
                rounds -= 1
            time.sleep(poll)
    except KeyboardInterrupt:
        print()
    return 0


def signature(path):
    """Return what changes when a file is saved, or None while it is not there (some editors replace it)."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


# Help -----------------------------------------------------------------------------------------------------------------


def hint(number, again=False):
    """Print the next hint for an exercise, or once more those already given; return 0."""
    exercise = one_exercise(number)[1]
    given = hints_given()
    if again and not given.get(number):
        raise UserError(f"hint {number}: none was given yet; python -m lessons hint {number} gives the first")
    last = given.get(number, 0) if again else min(given.get(number, 0) + 1, len(exercise.hints))
    for k in range(0 if again else last - 1, last):
        print(f"{number} {exercise.name}, hint {k + 1} of {len(exercise.hints)}, {WORDS[k]}: {exercise.hints[k]}")
    expect_printed()
    try:
        replace_text(HERE / HINTS, json.dumps(given | {number: last}, indent=2) + "\n")
    except OSError as error:
        came = f"{HERE / HINTS}: cannot be written ({error.strerror}), so the next hint would be this one again"
        print(f"python -m lessons: {came}; in a copy that you may write to they come in turn", file=sys.stderr)
    return 0


def hints_given():
    """Return number -> how many hints were given."""
    try:
        return dict(json.loads((HERE / HINTS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}  # nothing is lost but the count


def reset(number):
    """Put the lesson back as it came, and keep the student's as a .bak; return 0."""
    if not (HERE / COPY).is_file():
        raise UserError(
            "reset: works in a student's copy, this is the repository; python -m lessons start DIR makes one"
        )
    originals = {str(int(path.name[7:9])): path for path in sorted((HERE / ORIGINALS).glob("lesson_*.py"))}
    if number not in originals:
        raise UserError(
            f"there is no lesson {number!r} in {HERE / ORIGINALS}; there are {', '.join(originals) or 'none'}"
        )
    original = originals[number]
    path = HERE / original.name
    if path.is_file():
        if path.read_bytes() == original.read_bytes():
            print(f"{path.name} is as it came already.")
            return 0
        backup = unused(path.with_suffix(".py.bak"))
        shutil.copy2(path, backup)
        print(f"Yours is kept as {backup.name}.")
    replace_text(path, read(original))
    print(f"{path.name} is as it came.")
    return 0


def solution(number, repository=None):
    """Print the solution of an exercise that the student has solved, from the full repository; return 0 or 1."""
    lesson, exercise = one_exercise(number)
    if (HERE / COPY).is_file():
        settings = copy_settings(HERE)
        if number in settings["variants"]:
            raise UserError(f"solution {number}: this term has its own variant of it; ask whoever gives the course")
        repository = repository or settings["repository"]
        if not repository:
            raise UserError(f"solution {number}: needs the full repository; say where it is with --repository DIR")
        full = Path(repository) / "lessons" / lesson.path.name
    else:
        full = lesson.path
    if not full.is_file():
        raise UserError(
            f"{full}: no such file, expected the full repository; has it moved? --repository DIR says where"
        )
    found = outcomes(lesson, number)[0]
    if found.state != "solved":
        print(found.says)
        print(f"The solution is shown once your own passes; python -m lessons hint {number} helps.")
        return 1
    print(function_source(read(full), exercise.name, full))
    expect_printed()
    return 0


def function_source(text, name, where):
    """Return the source of the function `name`, without marker lines."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
            return "\n".join(line for line in lines if not line.strip().startswith("### "))
    raise UserError(f"{where}: there is no function {name}; is it the repository this copy was made from?")


def notebook(number, out):
    """Write the lesson, or all of them, as notebooks into the folder `out`; return 0."""
    chosen_ones = [one_lesson(number)] if number else some_lessons()
    try:
        import jupytext
    except ImportError as error:
        raise UserError("notebook: needs Jupytext; pip install jupytext") from error
    if Path(out).exists() and not Path(out).is_dir():
        raise UserError(f"{out}: is a file, expected a folder for the notebooks, new or not")
    targets = [Path(out) / lesson.path.with_suffix(".ipynb").name for lesson in chosen_ones]
    for target in targets:
        if target.exists():
            raise UserError(
                f"{target}: is there already, expected a new name; it may hold your work, choose another DIR"
            )
    Path(out).mkdir(parents=True, exist_ok=True)
    for lesson, target in zip(chosen_ones, targets, strict=True):
        jupytext.write(jupytext.reads(read(lesson.path), fmt="py:percent"), target)
        print(target)
    return 0


# Finding --------------------------------------------------------------------------------------------------------------


def some_lessons():
    """Return all lessons, at least one."""
    found = catalogue.lessons(HERE)
    if not found:
        raise UserError(f"{HERE}: there is no lesson, expected files such as lesson_01_linear.py; were they deleted?")
    return found


def one_lesson(number):
    """Return the lesson with that number, a text."""
    found = {str(lesson.number): lesson for lesson in some_lessons()}
    if number not in found:
        raise UserError(f"there is no lesson {number!r}; there are {', '.join(found)}")
    return found[number]


def one_exercise(number):
    """Return the lesson and the exercise with that number, a text such as 3.2."""
    found = {exercise.number: (lesson, exercise) for lesson in some_lessons() for exercise in lesson.exercises}
    if number not in found:
        raise UserError(f"there is no exercise {number!r}; there are {', '.join(found)}")
    return found[number]


def chosen(which):
    """Return the lessons that `which` names (None, 3 or 3.2), each with the only exercise that is meant, or None."""
    if which is None:
        return [(lesson, None) for lesson in some_lessons()]
    if "." in which:
        lesson, exercise = one_exercise(which)
        return [(lesson, exercise.number)]
    return [(one_lesson(which), None)]


def unused(path):
    """Return `path`, or the first of path2, path3, … that does not exist."""
    candidate, k = path, 1
    while candidate.exists():
        k += 1
        candidate = path.with_name(f"{path.name}{k}")
    return candidate


def replace_text(path, text):
    """Write a file so that it holds the old text or the new one, never a part."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
