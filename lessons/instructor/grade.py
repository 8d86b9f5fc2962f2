"""Grades submissions: makes the inputs, has a sandbox run the student's functions on them, and compares.

    python -m lessons grade SUBMISSION --out results.json
    python -m lessons grade-all DIR --csv grades.csv

A submission is somebody else's program. It never runs in this process: see sandbox.py. Each check is all or nothing. An
exercise with a hidden check has half of its points on each of the two. The results have Gradescope's form, and are
written again after each check, so there are valid ones whenever the grader is stopped.
"""

import argparse
import csv
import importlib.util
import json
import os
import secrets
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lessons import catalogue
from lessons.checking import Exercise
from tinyaae.errors import UserError
from tinyaae.surroundings import with_home

from . import course as courses
from . import submission as submissions
from .sandbox import Limits, Sandbox

TOTAL_SECONDS = 540  # for one submission: Gradescope's limit is 600 unless it is raised
MOST_SHOWN = 4000  # characters of what one check says
MOST_NAMES, MOST_REMARK = 10, 3000  # file names that a remark lists, and characters of a remark in the table
NO_FILE = "there is no file {} in what was handed in"


class Check(NamedTuple):
    """An exercise on one kind of inputs, and what it is worth."""

    exercise: Exercise
    lesson: int
    file_name: str
    points: float
    variant: str | None
    visibility: str
    hidden: bool

    @property
    def name(self):
        return self.exercise.name + (" (other inputs)" if self.hidden else "")


def checks_of(course, folder):
    """Return the `Check`s of a course, in order."""
    hidden_inputs, checks = inputs_in(folder / "instructor" / "hidden.py"), []
    chosen = {exercise.number: exercise for exercise in course.exercises}
    for lesson in catalogue.lessons(folder):
        for exercise in lesson.exercises:
            own = chosen.get(exercise.number)
            if not own or not own.points:
                continue
            points = own.points / 2 if own.hidden else own.points
            check = Check(exercise, lesson.number, lesson.path.name, points, own.variant, "visible", False)
            checks.append(check)
            if own.hidden:
                other = exercise._replace(edge=hidden_inputs.get(exercise.number))
                checks.append(check._replace(exercise=other, visibility=own.visibility, hidden=True))
    return checks


def inputs_in(path):
    """Return `HIDDEN` of the file hidden.py: number of an exercise -> function that makes its hidden inputs."""
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location("hidden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.HIDDEN


# One submission -------------------------------------------------------------------------------------------------------


def grade(path, out, course, folder=catalogue.HERE, seed=None, limits=None, sandbox=None):
    """Grade the submission at `path`; write results.json to `out` unless that is None, and return what is in it.

    `seed` makes the inputs the same again; it is in the results, where students do not see it. A submission that cannot
    be read has no points and a remark. `UserError` where the grader itself cannot work.
    """
    if sandbox is None:
        with Sandbox(private_of(folder, path, out), limits) as sandbox:
            return grade(path, out, course, folder, seed, sandbox=sandbox)
    started = time.monotonic()
    seed = secrets.randbits(63) if seed is None else seed
    checks = checks_of(course, folder)
    results = Results(out, course, checks, {"seed": seed, "missing protections": sandbox.missing})
    try:
        handed_in = submissions.read(path)
    except UserError as error:
        handed_in = submissions.Submission({}, [str(error)])
    results.remarks = handed_in.remarks + not_found({check.lesson for check in checks}, handed_in)
    for k, check in enumerate(checks):
        if time.monotonic() - started > TOTAL_SECONDS:
            right, says = False, "not run: the checks before it took all the time there is"
        elif check.lesson in handed_in.lessons:
            right, says = verdict(check, handed_in.lessons[check.lesson], seed, sandbox)
        else:
            right, says = False, NO_FILE.format(check.file_name)
        results.tell(k, right, says)
    results.write()
    return results.content()


def not_found(lessons, handed_in):
    """Return, in a list of at most one line, the lessons for which there is no file, and what else was handed in."""
    missing = sorted(lessons - handed_in.lessons.keys())
    if not missing or (handed_in.remarks and not handed_in.lessons and not handed_in.others):  # the remarks say why
        return []
    names = [name[:80] for name in handed_in.others[:MOST_NAMES]]
    more = len(handed_in.others) - len(names)
    came = ", ".join(names) + (f" and {more} more" if more else "") if names else "none"
    expected = f"expected names such as lesson_{missing[0]:02d}_….py"
    return [f"no file for lesson {', '.join(map(str, missing))}; other files: {came}; {expected}"]


def private_of(folder, *paths):
    """Return the paths that a submission must not read."""
    own = [folder, *folder.glob("*.py"), *folder.glob("instructor/*.py"), folder.parent / ".git"]
    return [path for path in (*own, *paths) if path is not None]


def verdict(check, text, seed, sandbox):
    """Return whether a lesson's text passes a check, and what to tell the student."""
    exercise, title = check.exercise, f"{check.exercise.number} {check.exercise.name}"
    try:
        cases = exercise.cases([seed, *map(int, exercise.number.split(".")), check.hidden])
        for inputs in cases:
            exercise.expected(inputs, check.variant)
    except Exception as error:
        return False, f"{title}: the check itself failed, please tell your instructor: {type(error).__name__}: {error}"
    outcome = sandbox.run(text, check.file_name, exercise.name, cases, len(exercise.outputs) > 1)
    complaint = complaint_of(check, cases, outcome)
    says = clean(complaint or f"{title}: right on {len(cases)} different inputs", MOST_SHOWN)
    if outcome.printed.strip():
        says += f"\n\nIt printed (the beginning):\n{clean(outcome.printed)}"
    return complaint is None, says


def complaint_of(check, cases, outcome):
    """Return None where what came is right for all cases, else what is wrong."""
    exercise, title = check.exercise, f"{check.exercise.number} {check.exercise.name}"
    for k, inputs in enumerate(cases):
        if k == len(outcome.cases):
            return f"{title}: {outcome.ended}"
        head, came = outcome.cases[k]
        if head.get("unsolved"):
            return f"{title}: not solved yet"
        if "error" in head:
            return f"{title}: {head['error']}"
        if not all(isinstance(x, np.ndarray) for x in came):
            return f"{title}: what it returned is not made of arrays"
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                complaint = exercise.complaint(inputs, tuple(came), check.variant)
        except Exception as error:  # arrays of forms that nobody thought of are not right
            complaint = f"{title}: what it returned cannot be compared ({type(error).__name__}: {error})"
        if complaint:
            return complaint
        if head.get("changed"):
            return clean(f"{title}: it changed its argument {head['changed']} in place; make a new array", most=200)
    return None


def clean(text, most=1500):
    """Return a text that any program can show: no control characters, no halves of characters, not too long."""
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in text[:most])
    return text.encode("utf-8", "replace").decode()


class Results:
    """The results so far, in Gradescope's form; `out` always holds valid ones."""

    def __init__(self, out, course, checks, extra):
        self.out, self.course, self.extra = out and Path(out), course, extra
        self.started, self.remarks = time.monotonic(), []
        self.tests = [
            {
                "number": check.exercise.number,
                "name": f"{check.exercise.number} {check.name}",
                "score": 0,
                "max_score": check.points,
                "status": "failed",
                "output": "not run yet",
                "output_format": "text",
                "visibility": check.visibility,
            }
            for check in checks
        ]
        self.write()

    def tell(self, k, right, says):
        """Put in what came of the check number `k`."""
        points = self.tests[k]["max_score"] if right else 0
        self.tests[k] |= {"score": points, "status": "passed" if right else "failed", "output": says}
        self.write()

    def content(self):
        """Return what results.json holds."""
        seen = [test for test in self.tests if test["visibility"] == "visible"]
        points, most = (sum(test[key] for test in seen) for key in ("score", "max_score"))
        lines = [f"{self.course.title}: {points:g} of {most:g} points in the checks that everybody sees", *self.remarks]
        return {
            "score": sum(test["score"] for test in self.tests),
            "execution_time": round(time.monotonic() - self.started, 1),
            "output": clean("\n".join(lines)),
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": self.tests,
            "extra_data": self.extra,
        }

    def write(self):
        """Put the results in place at once: whoever reads the file meanwhile sees the old or the new ones."""
        if self.out is None:
            return
        try:
            handle, temporary = tempfile.mkstemp(dir=self.out.parent, prefix=".results-")  # for its owner only
        except OSError as error:
            raise UserError(f"{self.out}: cannot be written ({error.strerror}); is the folder writable?") from error
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(self.content(), file, indent=2)
            os.replace(temporary, self.out)
        except BaseException:
            os.unlink(temporary)
            raise


# Many submissions -----------------------------------------------------------------------------------------------------


def grade_all(top, table, course, folder=catalogue.HERE, seed=None, limits=None):
    """Grade each entry of the folder `top`; write one row for each to the CSV file `table`.

    An entry that is no folder, .zip or lesson has a row too, without points and with a remark. So has every check
    without points.
    """
    entries = sorted(p for p in Path(top).iterdir() if p.resolve() != Path(table).resolve())
    names = [f"{check.exercise.number}{' hidden' if check.hidden else ''}" for check in checks_of(course, folder)]
    with (
        Sandbox([*private_of(folder, table), *entries], limits) as sandbox,
        table_of(table) as file,
    ):
        say_protections(sandbox)
        rows = csv.writer(file)
        rows.writerow(["submission", "score", "max_score", *names, "remark"])
        for entry in entries:
            try:
                results = grade(entry, None, course, folder, seed, sandbox=sandbox)
                scores = [test["score"] for test in results["tests"]]
                most, remark = sum(test["max_score"] for test in results["tests"]), remarks_in(results)
            except Exception as error:  # one that breaks the grader must not cost the others their grade
                scores, most, remark = [0] * len(names), "", [f"{type(error).__name__}: {error}"]
            rows.writerow([cell(entry.name), sum(scores), most, *scores, cell("; ".join(remark)[:MOST_REMARK])])
            file.flush()
            print(f"{clean(entry.name)}: {sum(scores):g}")


def table_of(path):
    """Open the CSV file to write; `UserError` where it cannot be made."""
    try:
        return open(path, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); does its folder exist?") from error


def remarks_in(results):
    """Return the remarks, and the first line of each check without points, unless a remark has told of its file."""
    failed = [test for test in results["tests"] if test["status"] == "failed"]
    lines = [test["output"].split("\n")[0] for test in failed]
    told = NO_FILE.partition("{")[0]
    return results["output"].split("\n")[1:] + [line for line in lines if not line.startswith(told)]


def cell(text):
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{clean(text)}" if text[:1] in ("=", "+", "-", "@") else clean(text)


# The command line -----------------------------------------------------------------------------------------------------


def parser():
    p = argparse.ArgumentParser(prog="python -m lessons", description="Grade submissions of a course.")
    verbs = p.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("grade", help="grade one submission")
    one.add_argument("submission", metavar="SUBMISSION", help="a folder, a .zip or a .py file")
    one.add_argument("--out", metavar="FILE", default="results.json", help="in Gradescope's form (results.json)")
    many = verbs.add_parser("grade-all", help="grade each submission in a folder")
    many.add_argument("folder", metavar="DIR")
    many.add_argument("--csv", metavar="FILE", required=True)
    for verb in (one, many):
        verb.add_argument("--course", metavar="FILE", help="lessons/instructor/course.toml unless given")
        verb.add_argument("--seed", type=int, metavar="N", help="of the inputs; a new one each time unless given")
        verb.add_argument("--seconds", type=float, metavar="S", default=Limits().seconds, help="for each check")
        verb.add_argument("--memory", type=int, metavar="MB", default=Limits().memory_mb, help="for each check")
    return p


def main(argv=None):
    """Run `grade` or `grade-all`; return the exit status."""
    args = with_home(parser().parse_args(argv), ("submission", "folder", "out", "csv", "course"))
    limits = Limits()._replace(seconds=args.seconds, memory_mb=args.memory)
    course = courses.load(args.course or Path(__file__).with_name("course.toml"))
    if args.verb == "grade-all":
        if not Path(args.folder).is_dir():
            raise UserError(
                f"{args.folder}: no such folder, expected one with a submission in each folder or .zip in it"
            )
        grade_all(args.folder, args.csv, course, seed=args.seed, limits=limits)
        return 0
    if not Path(args.submission).exists():
        raise UserError(f"{args.submission}: no such file or folder, expected what a student handed in")
    if not Path(args.out).resolve().parent.is_dir():
        raise UserError(f"{args.out}: its folder does not exist")
    with Sandbox(private_of(catalogue.HERE, args.submission, args.out), limits) as sandbox:
        say_protections(sandbox)
        results = grade(args.submission, args.out, course, seed=args.seed, sandbox=sandbox)
    most = sum(test["max_score"] for test in results["tests"])
    print(f"{args.out}: {results['score']:g} of {most:g} points")
    return 0


def say_protections(sandbox):
    """Tell the instructor what a submission's program can do here."""
    print("A submission's program: " + "; ".join(sandbox.holds) + ".")
    if sandbox.missing:
        print("NOT PROTECTED here: " + "; ".join(sandbox.missing) + ".", file=sys.stderr)
