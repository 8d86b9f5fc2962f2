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

from lessons import catalogue
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
    """Whether `which` (None, 3 or 3.2) names the exercise with that number."""
    return which in (None, number, number.partition(".")[0])


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
