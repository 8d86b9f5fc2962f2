"""The proof before a release: that the copy holds all it should and no solution, and that the checks tell right from
wrong.

For every exercise of the course: the solution passes, on many random inputs; what the student starts from fails; the
outcome of each listed mistake is rejected with words that name it; each slip of the keyboard in the solution is
rejected; and where a variant is chosen, the solution of other terms is rejected.
"""

import os
import re
import subprocess
import sys
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

import tinyaae
from lessons import catalogue
from lessons.catalogue import read
from lessons.checking import ALWAYS, LIKELY, same
from lessons.instructor import stripping, variants
from lessons.instructor.mutants import EQUIVALENT, mutants

SEEDS = range(5)
DRAWS = 200  # of a thorough proof
STUDENTS = (
    "__init__.py",
    "__main__.py",
    "catalogue.py",
    "checking.py",
    "doctor.py",
    "guesses.py",
    "notebooks.py",
    "reasons.py",
    "student.py",
    "README.md",
)
IN_WHEEL = re.compile(r"tinyaae(/|-[\w.]+\.dist-info/)")
LESSONS = re.compile(r"(originals/)?lesson_\d\d_\w+\.py|test_\d\d_\w+\.py|copy\.json")
PICTURES = re.compile(rf"{catalogue.EXPECTED}/lesson_\d\d\w*\.png")


class Unproven(Exception):
    """What stands against a release: `problems`, a line each."""

    def __init__(self, problems):
        super().__init__("; ".join(problems))
        self.problems = problems


def prove(course, folder, full, copy, table, run=True, draws=0):
    """Raise `Unproven` unless the folder `copy` may go to students.

    `folder` has the lessons as they are, `full` those of the course with variants and solutions. Without `run` the
    exercises are not run, only read. With `draws` each listed mistake is also tried on so many inputs more.
    """
    problems = []
    if run:
        problems += [p for lesson in catalogue.lessons(full) for p in weaknesses(lesson, course, folder, copy)]
        problems += [p for lesson in catalogue.lessons(full) for p in let_through(lesson, course, draws)]
        problems += troubles(course, copy)
    telling = all_telling_lines(folder, table)
    problems += lost_in(full, copy) + secrets_in(copy, telling) + secrets_beside(copy, telling)
    if problems:
        raise Unproven(list(dict.fromkeys(problems)))


# What the copy holds --------------------------------------------------------------------------------------------------


def all_telling_lines(folder, table):
    """Return the telling lines of all solutions, in all variants."""
    found = set()
    for lesson in catalogue.lessons(folder):
        texts = {path.name: read(path) for path in (lesson.path, lesson.checks)}
        found |= stripping.telling_lines(texts[lesson.path.name], lesson.exercises, lesson.path.name)
        for exercise in lesson.exercises:
            for variant in exercise.variants:
                varied = variants.applied(texts, {exercise.number: variant}, table)
                found |= stripping.telling_lines(varied[lesson.path.name], lesson.exercises, lesson.path.name)
    return found


def secrets_in(copy, telling):
    """Return a line for each file that should not be in the copy, and each marker or solution in one that should."""
    problems = []
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        name = path.relative_to(copy).as_posix()
        if PICTURES.fullmatch(name):
            continue
        if name not in STUDENTS and not LESSONS.fullmatch(name):
            problems.append(f"{name}: is not for students")
            continue
        text = read(path)
        problems += [f"{name}: has the marker {m[0]!r}" for m in stripping.LOOKS_LIKE.finditer(text)]
        problems += [f"{name}: has a line of a solution: {line}" for line in stripping.given_away(text, telling)]
    return problems


def secrets_beside(copy, telling):
    """Return a line for each solution in what a handout holds beside the copy, and each file that is not for it."""
    texts, problems = {}, []
    for path in sorted(path for path in copy.parent.iterdir() if path != copy):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            problems += [f"{path.name}: holds {name}" for name in files if not IN_WHEEL.match(name)]
            data = {name: text for name, text in files.items() if not name.endswith(".gz")}
            texts |= {f"{path.name}, {name}": text.decode("utf-8", "replace") for name, text in data.items()}
        else:
            texts[path.name] = read(path)
    for name, text in texts.items():
        problems += [f"{name}: has the marker {m[0]!r}" for m in stripping.LOOKS_LIKE.finditer(text)]
        problems += [f"{name}: has a line of a solution: {line}" for line in stripping.given_away(text, telling)]
    return problems


def lost_in(full, copy):
    """Return a line for each function or class, with arguments and docstring, that a lesson of the copy lacks."""
    problems = []
    for lesson in catalogue.lessons(full):
        kept = stripping.definitions(read(copy / lesson.path.name))
        problems += [
            f"{lesson.path.name}: {name} is not as in the lesson"
            for name, said in stripping.definitions(read(lesson.path)).items()
            if kept.get(name) != said
        ]
    return problems


# What the checks can tell ---------------------------------------------------------------------------------------------


def weaknesses(lesson, course, folder, copy):
    """Return a line for each thing that a check of the lesson lets pass, or fails, wrongly."""
    try:
        solved, unsolved, usual = (
            catalogue.run_file(place / lesson.path.name, lesson.module_name)
            for place in (lesson.path.parent, copy, folder)
        )
    except Exception as error:
        return [f"{lesson.path.name}: cannot be run: {type(error).__name__}: {error}"]
    problems = []
    for exercise in lesson.exercises:
        title, variant = f"{exercise.number} {exercise.name}", course.variants.get(exercise.number)
        if len(exercise.hints) != 3:
            problems.append(f"{title}: has {len(exercise.hints)} hints, expected the idea, the shapes, the formula")
        if not exercise.mistakes:
            problems.append(f"{title}: lists no mistake of its own")
        refusal = refused(exercise, getattr(solved, exercise.name), variant)
        if refusal:
            problems.append(f"{title}: the solution is refused: {refusal}")
        if not refused(exercise, getattr(unsolved, exercise.name), variant):
            problems.append(f"{title}: passes before anything is solved")
        if variant and not refused(exercise, getattr(usual, exercise.name), variant):
            problems.append(f"{title}: the solution without variant passes in variant {variant}")
        problems += [f"{title}: {problem}" for problem in unnamed(exercise, variant)]
        for slip, function in mutants(solved, read(lesson.path), exercise.name):
            if (exercise.number, slip) not in EQUIVALENT and not refused(exercise, function, variant):
                problems.append(f"{title}: passes with {slip}; if that is right too, mutants.py can list it")
    return problems


def troubles(course, copy):
    """Return what is wrong when a student runs the check in the fresh copy: every exercise should be to do."""
    library = str(Path(tinyaae.__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": library, "MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-B", "-m", "lessons", "check"]  # -B: no caches in the copy
    run = subprocess.run(command, cwd=copy.parent, env=environment, capture_output=True, encoding="utf-8")
    lines = run.stdout.splitlines()
    solved = f"0 of {len(course.exercises)} exercises solved."
    if run.returncode == 1 and sum(": not solved yet" in line for line in lines) == len(course.exercises):
        return []
    last = (run.stderr.splitlines() or [line for line in lines if line != solved] or [""])[-1]
    return [f"python -m lessons check, in the copy: exit status {run.returncode}, {last}"]


def refused(exercise, function, variant):
    """Return why the check refuses the function on one of many inputs, in one line, or None."""
    for seed in SEEDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a wrong function may divide by 0
            try:
                exercise.check(function, seed, variant)
            except Exception as error:
                return " ".join(f"{type(error).__name__}: {error}".split())
    return None


def unnamed(exercise, variant):
    """Return a line for each listed mistake that is not rejected, or not by its name, on some input.

    The mistakes are those of the exercise as it is. In a variant one of them may be right, or look like another; there
    every outcome that is wrong must still be told as a likely mistake, and one at least must be wrong on every input.
    """
    problems, passed = [], set()
    for mistake in (*exercise.mistakes, *ALWAYS):
        for inputs in (inputs for seed in SEEDS for inputs in inputs_for(mistake, exercise, seed)):
            try:
                wrong = outcome_of(mistake, exercise, inputs, exercise.expected(inputs, variant))
                says = exercise.complaint(inputs, wrong, variant)
            except Exception as error:
                return [f"{mistake.says}: cannot be tried: {type(error).__name__}: {error}"]
            if says is None:
                passed.add(mistake.says)
            elif (LIKELY if variant else mistake.says) not in says:
                problems.append(f"rejects, but does not name: {mistake.says}")
    right_here = right_in(variant, exercise, passed)
    return sorted({*problems, *(f"lets pass: {says}" for says in passed - right_here)})


def let_through(lesson, course, draws):
    """Return a line for each listed mistake that the check of the lesson lets pass in some of so many draws."""
    problems = []
    for exercise in lesson.exercises:
        variant, passed = course.variants.get(exercise.number), Counter()
        for seed in range(draws):
            right = [exercise.expected(inputs, variant) for inputs in exercise.cases(seed, count=1)]
            for mistake in (*exercise.mistakes, *ALWAYS):
                cases = zip(inputs_for(mistake, exercise, seed, 1), right[mistake.at_edge :], strict=False)
                passed[mistake.says] += all(
                    equal(outcome_of(mistake, exercise, inputs, outputs), outputs, exercise.tolerance)
                    for inputs, outputs in cases
                )
        right_here = right_in(variant, exercise, {says for says, count in passed.items() if count})
        problems += [
            f"{exercise.number} {exercise.name}: lets pass in {count} of {draws} draws: {says}"
            for says, count in passed.items()
            if count and says not in right_here
        ]
    return problems


def inputs_for(mistake, exercise, seed, count=3):
    """Return the inputs of which each must tell the mistake: the usual ones, or the one at the edge."""
    cases = exercise.cases(seed, count)
    return cases[count:] if mistake.at_edge else cases[:count]


def outcome_of(mistake, exercise, inputs, right):
    """Return what the mistake gives; a division by 0 is part of some mistakes."""
    with np.errstate(all="ignore"):
        return exercise.wrong(mistake, inputs, right)


def equal(came, right, tolerance):
    return all(same(a, b, tolerance) for a, b in zip(came, right, strict=True))


def right_in(variant, exercise, passed):
    """Return the listed mistakes that are right in a variant; not all of them may be."""
    own = {mistake.says for mistake in exercise.mistakes}
    return own if variant and not own <= passed else set()
