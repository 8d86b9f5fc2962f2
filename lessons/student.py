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
import secrets
import shutil
import sys
import time
import traceback
from bdb import BdbQuit
from pathlib import Path
from pdb import Pdb
from typing import NamedTuple

import numpy as np

from lessons import catalogue, guesses, notebooks
from lessons.catalogue import HERE, read
from lessons.checking import argument_names, copied, copy_settings
from tinyaae.errors import UserError
from tinyaae.surroundings import expect_printed

COPY, HINTS, FAILED, ORIGINALS = "copy.json", ".hints.json", ".failed.json", "originals"
WORDS = ("the idea", "the shapes", "the formula")


class Outcome(NamedTuple):
    """How an exercise stands: `state` is solved, to do, wrong or broken, `says` what to tell about it.

    Where a check has failed, `case` has the function and the inputs with which it did, and `seed` makes them again.
    """

    exercise: object
    state: str
    says: str = ""
    seed: int | None = None
    case: tuple = ()


# Checking -------------------------------------------------------------------------------------------------------------


def outcomes(lesson, only=None, seeds=None):
    """Return an `Outcome` for each exercise of the lesson, or for the exercise with the number `only`.

    `seeds`, number -> seed, makes the inputs of these exercises again; all others get fresh ones.
    """
    exercises = [exercise for exercise in lesson.exercises if only in (None, exercise.number)]
    os.environ["MPLBACKEND"] = "agg"  # a check opens no window, whatever backend a notebook has left here
    try:
        module = catalogue.run_file(lesson.path, lesson.module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a student's file may do anything, also exit
        says = f"{lesson.path.name} cannot be read to its end.\n{in_the_lesson(error, lesson.path)}"
        return [Outcome(exercise, "broken", says) for exercise in exercises]
    return [
        outcome(lesson, exercise, getattr(module, exercise.name, None), (seeds or {}).get(exercise.number))
        for exercise in exercises
    ]


def outcome(lesson, exercise, function, seed=None):
    """Return the `Outcome` of one exercise, on fresh inputs or those of a seed."""
    if not callable(function):
        says = f"{exercise.number} {exercise.name}: there is no such function in {lesson.path.name}; was it renamed?"
        return Outcome(exercise, "broken", says)
    variant = copy_settings(HERE)["variants"].get(exercise.number)
    seed = secrets.randbits(32) if seed is None else seed
    for inputs in exercise.cases(seed):
        found = outcome_of_case(lesson, exercise, function, inputs, variant)
        if found.state != "solved":
            return found._replace(seed=seed, case=(function, inputs))
    return Outcome(exercise, "solved", f"{exercise.number} {exercise.name}: solved")


def outcome_of_case(lesson, exercise, function, inputs, variant):
    """Return the `Outcome` of one exercise on these inputs."""
    try:
        exercise.check_case(function, inputs, variant)
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
    return Outcome(exercise, "solved")


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


def solved_functions(numbers):
    """Return number -> the student's function, of those among the exercises `numbers` that pass their usual check.

    A lesson that builds on others takes these parts. A variant is another function, so it does not count here.
    """
    found = {}
    for lesson in some_lessons():
        wanted = [exercise for exercise in lesson.exercises if exercise.number in numbers]
        with contextlib.suppress(Exception, SystemExit):  # a file that cannot be read has no part to give
            module = catalogue.run_file(lesson.path, lesson.module_name) if wanted else None
            found |= {each.number: getattr(module, each.name) for each in wanted if passes(module, each)}
    return found


def passes(module, exercise):
    """Whether the function of a module passes the usual check of the exercise, without variant."""
    try:
        exercise.check(getattr(module, exercise.name))
    except (Exception, SystemExit):
        return False
    return True


def show_list():
    """Print each lesson with its title, its points and how its exercises stand; return 0."""
    lessons = some_lessons()
    width, everything = max(len(lesson.title) for lesson in lessons), []
    for lesson in lessons:
        found = outcomes(lesson)
        everything += found
        earned, points = points_of(found)
        print(f"{lesson.number:2d}  {lesson.title:{width}}  {bar(earned, points)} {earned} of {points} points")
        states = {}
        for each in found:
            states.setdefault(each.state, []).append(each.exercise.number)
        print("    " + ";  ".join(f"{state}: {', '.join(numbers)}" for state, numbers in states.items()))
    earned, points = points_of(everything)
    solved = sum(each.state == "solved" for each in everything)
    print(f"{solved} of {len(everything)} exercises solved, {earned} of {points} points.")
    print_next(everything)
    expect_printed()
    return 0


def points_of(found):
    """Return the points of the solved exercises among the outcomes, and the points of all of them."""
    earned = sum(each.exercise.points for each in found if each.state == "solved")
    return earned, sum(each.exercise.points for each in found)


def bar(earned, points, width=10):
    """Return the progress as a bar of text, such as [####------]."""
    full = width * earned // points if points else 0
    return f"[{'#' * full}{'-' * (width - full)}]"


def check(which=None, again=False, show=False, pdb=False):
    """Check all exercises, or those that `which` names; print what is not right; return 1 if anything is unsolved.

    The case in which an exercise fails is kept. `again` repeats it, `show` prints its inputs and what should have come,
    and `pdb` opens the debugger in the exercise with these inputs.
    """
    kept, asked = failed_cases(), chosen(which)
    if again and not any(number_in(number, which) for number in kept):
        about = which or "any exercise"
        raise UserError(
            f"check --again: no failing case of {about} is kept; python -m lessons check {which or ''}".rstrip()
            + " keeps the case in which an exercise fails"
        )
    found = [each for lesson, only in asked for each in outcomes(lesson, only, kept if again else None)]
    if again:
        found = [each for each in found if each.exercise.number in kept]
    else:
        keep_failed(kept, found)
    status = report(found)
    failing = [each for each in found if each.state in ("wrong", "broken") and each.case]
    if failing and not (again or show or pdb):
        number = failing[0].exercise.number
        print(f"python -m lessons check {number} --again repeats this case; --show prints it, --pdb stops in it.")
    for each in failing if show else ():
        print(case_in_words(each))
    if pdb and failing:
        stop_in(failing[0])
    expect_printed()
    return status


def number_in(number, which):
    """Whether `which` (None, 3, lesson_03_losses.py or 3.2) names the exercise with that number."""
    lesson = re.match(r"lesson_0*(\d+)", which or "")
    return (lesson[1] if lesson else which) in (None, number, number.partition(".")[0])


def failed_cases():
    """Return number -> seed of the exercises whose failing case is kept."""
    try:
        kept = dict(json.loads((HERE / FAILED).read_text(encoding="utf-8")))
        return {number: seed for number, seed in kept.items() if type(seed) is int and seed >= 0}
    except (OSError, ValueError, TypeError):
        return {}  # the next check makes a new one


def keep_failed(kept, found):
    """Keep the seeds of what has failed, and drop those of what is solved."""
    now = {number: seed for number, seed in kept.items() if number not in {e.exercise.number for e in found}}
    now |= {e.exercise.number: e.seed for e in found if e.state in ("wrong", "broken") and e.case}
    if now != kept:
        with contextlib.suppress(OSError):  # in a folder that is read-only a case cannot be kept, and all else works
            replace_text(HERE / FAILED, json.dumps(now, indent=2) + "\n")


def case_in_words(found):
    """Return the inputs of the case that failed, what was expected and what came, with all numbers if they are few."""
    exercise, (function, inputs) = found.exercise, found.case
    variant = copy_settings(HERE)["variants"].get(exercise.number)
    lines = [f"The case in which {exercise.number} failed:"]
    lines += map(named, argument_names(function, inputs), inputs)
    lines += ["expected:", *map(named, exercise.outputs, exercise.expected(inputs, variant))]
    try:
        came = exercise.parts(function(*copied(inputs)))
    except Exception as error:
        return "\n".join([*lines, f"but it raised {type(error).__name__}: {error}"])
    names = exercise.outputs if len(came) == len(exercise.outputs) else range(1, len(came) + 1)
    return "\n".join([*lines, "but came:", *map(named, names, came)])


def named(name, value):
    """Return `name = value` on lines that are indented."""
    if isinstance(value, np.ndarray) and value.ndim:
        text = np.array2string(value, precision=5, suppress_small=False, threshold=400, max_line_width=100)
        return f"  {name} {value.shape} =\n" + "\n".join(f"    {line}" for line in text.splitlines())
    return f"  {name} = {value}"


def stop_in(found):
    """Call the exercise in the debugger, which stops at its first line, with the inputs of the case that failed."""
    function, inputs = found.case
    print(f"{found.exercise.name} stops at its first line; n is the next line, p x prints x, q ends.")
    with contextlib.suppress(BdbQuit):
        Pdb().runcall(function, *copied(inputs))


def report(found):
    """Print the outcomes, what breaks a whole lesson only once; return 1 if one is unsolved."""
    for says in dict.fromkeys(each.says for each in found):
        print(says)
    solved = sum(each.state == "solved" for each in found)
    if len(found) > 1:
        print(f"{solved} of {len(found)} exercises solved.")
    if solved:
        print_next(found)
    expect_printed()
    return int(solved < len(found))


def print_next(found):
    """Print which exercise comes next and the line where it begins: the first that is not solved among the outcomes.

    Where all of them are solved, it is the first exercise after them in the course that nobody has begun.
    """
    numbers = [each.exercise.number for each in found]
    unsolved = {each.exercise.number for each in found if each.state != "solved"}
    course = [(lesson, exercise) for lesson in some_lessons() for exercise in lesson.exercises]
    last = max((k for k, (_, exercise) in enumerate(course) if exercise.number in numbers), default=-1)
    texts = {}

    def text_of(lesson):
        return texts.setdefault(lesson.path, read(lesson.path, "replace"))

    if unsolved:
        coming = [(lesson, exercise) for lesson, exercise in course if exercise.number in unsolved]
    else:
        later = course[last + 1 :] + course[: last + 1]
        coming = [(lesson, exercise) for lesson, exercise in later if stub_line(text_of(lesson), exercise)]
    here = {lesson.path: lesson for lesson, exercise in course if exercise.number in numbers}
    for path in sorted(here.keys() - {lesson.path for lesson, _ in coming}):
        if len(here) == 1 and (HERE / COPY).is_file():
            print(f"The lesson is done: python {Path(HERE.name) / path.name} runs it to the end.")
            for picture in catalogue.expected_pictures(here[path], HERE):
                print(f"Ours drew this picture: {picture.relative_to(HERE.parent)}")
    if coming:
        lesson, exercise = coming[0]
        line = stub_line(text_of(lesson), exercise) or definition_line(text_of(lesson), exercise)
        where = f", line {line}" if line else ""
        print(f"next: {exercise.number}{where}" + ("" if here.keys() == {lesson.path} else f" of {lesson.path.name}"))


def stub_line(text, exercise):
    """Return the number of the line that stands for the exercise's solution in a copy, or None if it was replaced."""
    return line_of(text, rf"\s*raise NotImplementedError\([\"']exercise {re.escape(exercise.number)}[\"']\)")


def definition_line(text, exercise):
    """Return the number of the line where the exercise's function begins, or None."""
    return line_of(text, rf"def {exercise.name}\(")


def line_of(text, pattern):
    """Return the number of the first line of the text that begins with the pattern, or None."""
    return next((k for k, line in enumerate(text.split("\n"), 1) if re.match(pattern, line)), None)


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
    """Put a lesson (3) or one exercise (3.1) back as it came, and keep the student's as a .bak; return 0."""
    if not (HERE / COPY).is_file():
        raise UserError(
            "reset: works in a student's copy, this is the repository; python -m lessons start DIR makes one"
        )
    originals = {str(int(path.name[7:9])): path for path in sorted((HERE / ORIGINALS).glob("lesson_*.py"))}
    number = next((key for key, path in originals.items() if path.name == Path(number).name), number)
    if re.fullmatch(r"\d+\.\d+", number):
        return reset_exercise(*one_exercise(number))
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


def reset_exercise(lesson, exercise):
    """Put the function of one exercise back as it came, and keep the student's file as a .bak; return 0."""
    original = HERE / ORIGINALS / lesson.path.name
    came, now = read(original), read(lesson.path)
    whole = f"python -m lessons reset {lesson.number} puts the whole lesson back"
    first, last = function_lines(came, exercise.name, original)
    try:
        start, stop = function_lines(now, exercise.name, lesson.path)
    except SyntaxError as error:
        raise UserError(f"{lesson.path.name}, line {error.lineno}: {error.msg}; mend this line, or {whole}") from error
    except UserError as error:
        raise UserError(f"{lesson.path.name}: there is no function {exercise.name} to reset; {whole}") from error
    lines, wanted = now.split("\n"), came.split("\n")[first - 1 : last]
    if lines[start - 1 : stop] == wanted:
        print(f"{exercise.number} {exercise.name} is as it came already.")
        return 0
    backup = unused(lesson.path.with_suffix(".py.bak"))
    shutil.copy2(lesson.path, backup)
    lines[start - 1 : stop] = wanted
    replace_text(lesson.path, "\n".join(lines))
    print(f"Yours is kept as {backup.name}.")
    print(f"{exercise.number} {exercise.name} is as it came, line {start} of {lesson.path.name}.")
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
            raise UserError(f"solution {number}: this copy came without solutions; ask whoever gives the course")
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
    first, last = function_lines(text, name, where)
    lines = text.split("\n")[first - 1 : last]
    return "\n".join(line for line in lines if not line.strip().startswith("### "))


def function_lines(text, name, where):
    """Return the numbers of the first and the last line of the function `name`; of several, Python uses the last."""
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.lineno, node.end_lineno
    raise UserError(f"{where}: there is no function {name}; is it the repository this copy was made from?")


def notebook(number, out):
    """Write the lesson, or all of them, as notebooks into the folder `out`; return 0."""
    return notebooks.write([one_lesson(number)] if number else some_lessons(), out)


def guess(number, again=False):
    """Ask the questions of an exercise before the lesson answers them, and show both; return 0."""
    return guesses.guess(one_exercise(number)[0], number, again)


# Finding --------------------------------------------------------------------------------------------------------------


def some_lessons():
    """Return all lessons, at least one."""
    found = catalogue.lessons(HERE)
    if not found:
        raise UserError(f"{HERE}: there is no lesson, expected files such as lesson_01_linear.py; were they deleted?")
    return found


def one_lesson(number):
    """Return the lesson with that number, a text, or with that file name."""
    found = {str(lesson.number): lesson for lesson in some_lessons()}
    number = next((key for key, lesson in found.items() if lesson.path.name == Path(number).name), number)
    if number not in found:
        raise UserError(f"there is no lesson {number!r}; there are {', '.join(found)}")
    return found[number]


def one_exercise(number):
    """Return the lesson and the exercise with that number, a text such as 3.2."""
    found = {exercise.number: (lesson, exercise) for lesson in some_lessons() for exercise in lesson.exercises}
    if number not in found:
        near = [each for each in found if each.split(".")[0] == number.split(".")[0]] or found
        raise UserError(f"there is no exercise {number!r}; there are {', '.join(near)}")
    return found[number]


def chosen(which):
    """Return the lessons that `which` names, each with the only exercise that is meant, or None for all of them.

    `which` is None, a lesson (3), a lesson's file (lesson_03_losses.py) or an exercise (3.2).
    """
    if which is None:
        return [(lesson, None) for lesson in some_lessons()]
    if "." in which and not which.endswith(".py"):
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
