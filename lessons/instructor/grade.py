"""Grades submissions: makes the inputs, has a sandbox run the student's functions on them, and compares.

    python -m lessons grade SUBMISSION --out results.json
    python -m lessons grade-all DIR --csv grades.csv --reports REPORTS

A submission is somebody else's program. It never runs in this process: see sandbox.py. Each check is all or nothing. An
exercise with a hidden check has half of its points on each of the two. The results have Gradescope's form, and are
written again after each check, so there are valid ones whenever the grader is stopped.
"""

import ast
import csv
import importlib.util
import inspect
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
from lessons.checking import IN_PLACE, NOT_OWN, Exercise
from tinyaae.errors import UserError

from . import submission as submissions
from .sandbox import Limits, Sandbox

TOTAL_SECONDS = 540  # for one submission: Gradescope's limit is 600 unless it is raised
USUAL_CASES = 3  # of each check; the edge comes after them
MOST_SHOWN = 4000  # characters of what one check says
MOST_NAMES, MOST_REMARK = 10, 3000  # file names that a remark lists, and characters of a remark in the table
NO_FILE = "there is no file {} in what was handed in"
NOT_RUN = "not run: {} could not be imported, see {}"


class Check(NamedTuple):
    """An exercise on one kind of inputs, and what it is worth."""

    exercise: Exercise
    lesson: int
    file_name: str
    points: float
    variant: str | None
    visibility: str
    hidden: bool
    arguments: tuple | None = None  # the names of the function's arguments

    @property
    def name(self):
        return self.exercise.name + (" (other inputs)" if self.hidden else "")

    @property
    def title(self):
        return f"{self.exercise.number} {self.exercise.name}"

    def case_in_words(self, k):
        """Return what the case number `k` is where that is no usual one but the edge of a hidden check, else None."""
        edge = self.exercise.edge
        return inspect.getdoc(edge) if self.hidden and edge and k == USUAL_CASES else None


def checks_of(course, folder):
    """Return the `Check`s of a course, in order."""
    hidden_inputs, checks = inputs_in(folder / "instructor" / "hidden.py"), []
    chosen = {exercise.number: exercise for exercise in course.exercises}
    for lesson in catalogue.lessons(folder):
        arguments = arguments_in(catalogue.read(lesson.path))
        for exercise in lesson.exercises:
            own = chosen.get(exercise.number)
            if not own or not own.points:
                continue
            points = own.points / 2 if own.hidden else own.points
            check = Check(exercise, lesson.number, lesson.path.name, points, own.variant, "visible", False)
            check = check._replace(arguments=arguments.get(exercise.name))
            checks.append(check)
            if own.hidden:
                other = exercise._replace(edge=hidden_inputs.get(exercise.number))
                checks.append(check._replace(exercise=other, visibility=own.visibility, hidden=True))
    return checks


def arguments_in(text):
    """Return name -> names of the arguments, for each function of a lesson."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: tuple(argument.arg for argument in node.args.args) for node in functions}


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
    broken = {}  # lesson that could not be imported -> the check that says why; it costs its time once
    for k, check in enumerate(checks):
        if time.monotonic() - started > TOTAL_SECONDS:
            right, says = False, f"{check.title}: no time is left; the checks before it took all the time there is"
        elif check.lesson in broken:
            right, says = False, f"{check.title}: {NOT_RUN.format(check.file_name, broken[check.lesson])}"
        elif check.lesson in handed_in.lessons:
            right, says, imported = verdict(check, handed_in.lessons[check.lesson], seed, sandbox)
            if not imported:
                broken[check.lesson] = check.title
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
    """Return whether a lesson's text passes a check, what to tell the student, and whether it could be imported."""
    exercise = check.exercise
    try:
        cases = exercise.cases([seed, *map(int, exercise.number.split(".")), check.hidden], USUAL_CASES)
        for inputs in cases:
            exercise.expected(inputs, check.variant)
    except Exception as error:
        failed = f"the check itself failed, please tell your instructor: {type(error).__name__}: {error}"
        return False, f"{check.title}: {failed}", True
    outcome = sandbox.run(text, check.file_name, exercise.name, cases, len(exercise.outputs) > 1)
    complaint = complaint_of(check, cases, outcome)
    last = check.case_in_words(len(cases) - 1)
    right = f"right on {len(cases)} different inputs" + (f", the last of them {last}" if last else "")
    says = clean(complaint or f"{check.title}: {right}", MOST_SHOWN)
    if outcome.printed.strip():
        says += f"\n\nIt printed (the beginning):\n{clean(outcome.printed.rstrip())}"
    return complaint is None, says, outcome.imported


def complaint_of(check, cases, outcome):
    """Return None where what came is right for all cases, else what is wrong."""
    for k, inputs in enumerate(cases):
        if k == len(outcome.cases):
            complaint = f"{check.title}: {outcome.ended}"
        else:
            complaint = complaint_of_case(check, inputs, *outcome.cases[k])
        if complaint:
            words = outcome.imported and check.case_in_words(k)
            return complaint + (f"\n  The case: {words}" if words else "")
    return None


def complaint_of_case(check, inputs, head, came):
    """Return None where what came is right for these inputs, else what is wrong; `head` is what the child says."""
    title, arguments = check.title, check.arguments or [f"argument {k + 1}" for k in range(len(inputs))]
    if head.get("unsolved"):
        return f"{title}: not solved yet"
    if "error" in head:
        return f"{title}: {head['error']}"
    if head.get("used") and not check.exercise.library:
        return f"{title}: {NOT_OWN.format(head['used'])}"
    if not all(isinstance(x, np.ndarray) for x in came):
        return f"{title}: what it returned is not made of arrays"
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            complaint = check.exercise.complaint(inputs, tuple(came), check.variant, arguments)
    except Exception as error:  # arrays of forms that nobody thought of are not right
        complaint = f"{title}: what it returned cannot be compared ({type(error).__name__}: {error})"
    if head.get("changed") and not complaint:
        k = head["changed"]
        name = arguments[k - 1] if isinstance(k, int) and 0 < k <= len(arguments) else k
        return f"{title}: {IN_PLACE.format(name)}"
    return complaint


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


def grade_all(top, table, course, folder=catalogue.HERE, seed=None, limits=None, reports=None):
    """Grade each entry of the folder `top`; write one row for each to the CSV file `table`.

    An entry that is no folder, .zip or lesson has a row too, without points and with a remark. So has every check
    without points. With a folder `reports` each entry also has a text there, NAME.txt, to be given back.
    """
    own = [Path(path).resolve() for path in (table, reports) if path]
    entries = sorted(path for path in Path(top).iterdir() if path.resolve() not in own)
    names = [f"{check.exercise.number}{' hidden' if check.hidden else ''}" for check in checks_of(course, folder)]
    with (
        Sandbox([*private_of(folder, *own), *entries], limits) as sandbox,
        table_of(table) as file,
    ):
        say_protections(sandbox)
        if reports:
            new_folder(reports)
        rows = csv.writer(file)
        rows.writerow(["submission", "score", "max_score", *names, "remark"])
        for entry in entries:
            try:
                results = grade(entry, None, course, folder, seed, sandbox=sandbox)
                scores = [test["score"] for test in results["tests"]]
                most, remark = sum(test["max_score"] for test in results["tests"]), remarks_in(results)
                text = report_of(entry.name, results)
            except Exception as error:  # one that breaks the grader must not cost the others their grade
                scores, most, remark = [0] * len(names), "", [f"{type(error).__name__}: {error}"]
                text = f"{entry.name}: 0 points\n{remark[0]}\n"
            if reports:
                try:
                    (Path(reports) / f"{entry.name}.txt").write_text(clean(text, len(text)), encoding="utf-8")
                except OSError as error:
                    remark.append(f"its report could not be written ({error.strerror})")
            rows.writerow([cell(entry.name), sum(scores), most, *scores, cell("; ".join(remark)[:MOST_REMARK])])
            file.flush()
            print(f"{clean(entry.name)}: {sum(scores):g}")


def report_of(name, results):
    """Return the text that tells a student the points of each check, and why some are missing.

    A check that the course hides from students for good has its points there, and no reason.
    """
    tests = results["tests"]
    lines = [f"{name}: {results['score']:g} of {sum(test['max_score'] for test in tests):g} points"]
    lines += results["output"].split("\n")[1:]
    for test in tests:
        says = test["output"].removeprefix(f"{test['name'].removesuffix(' (other inputs)')}: ")
        if test["visibility"] == "hidden":
            says = "the course shows this result to nobody"
        lines += ["", f"{test['name']}: {test['score']:g} of {test['max_score']:g}"]
        lines += [f"  {line}".rstrip() for line in says.split("\n")]
    return "\n".join(lines) + "\n"


def new_folder(path):
    """Make a folder unless it is there; `UserError` where that cannot be done."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be made ({error.strerror}); choose another folder for the reports") from error


def table_of(path):
    """Open the CSV file to write; `UserError` where it cannot be made."""
    try:
        return open(path, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); does its folder exist?") from error


def remarks_in(results):
    """Return the remarks, and the first line of each check without points, unless another line has told of its file."""
    failed = [test for test in results["tests"] if test["status"] == "failed"]
    lines = [test["output"].split("\n")[0] for test in failed]
    told = [line for line in lines if line.startswith(NO_FILE[:16]) or line.partition(": ")[2].startswith(NOT_RUN[:8])]
    return list(dict.fromkeys([*results["output"].split("\n")[1:], *(line for line in lines if line not in told)]))


def cell(text):
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{clean(text)}" if text[:1] in ("=", "+", "-", "@") else clean(text)


# The command line -----------------------------------------------------------------------------------------------------


def grade_one(args, course):
    """Grade `args.submission`, say what came of it, and return the exit status."""
    if not Path(args.submission).exists():
        raise UserError(f"{args.submission}: no such file or folder, expected what a student handed in")
    if not Path(args.out).resolve().parent.is_dir():
        raise UserError(f"{args.out}: its folder does not exist")
    with Sandbox(private_of(catalogue.HERE, args.submission, args.out), limits_of(args)) as sandbox:
        say_protections(sandbox)
        results = grade(args.submission, args.out, course, seed=args.seed, sandbox=sandbox)
    most = sum(test["max_score"] for test in results["tests"])
    print(f"{args.out}: {results['score']:g} of {most:g} points")
    return 0


def grade_many(args, course):
    """Grade each entry of `args.folder`, and return the exit status."""
    if not Path(args.folder).is_dir():
        raise UserError(f"{args.folder}: no such folder, expected one with a submission in each folder or .zip in it")
    grade_all(args.folder, args.csv, course, seed=args.seed, limits=limits_of(args), reports=args.reports)
    return 0


def limits_of(args):
    return Limits()._replace(seconds=args.seconds, memory_mb=args.memory)


def say_protections(sandbox):
    """Tell the instructor what a submission's program can do here."""
    print("A submission's program: " + "; ".join(sandbox.holds) + ".")
    if sandbox.missing:
        print("NOT PROTECTED here: " + "; ".join(sandbox.missing) + ".", file=sys.stderr)
