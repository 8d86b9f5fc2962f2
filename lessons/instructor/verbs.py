"""The verbs of `python -m lessons` that a student's copy does not have."""

import argparse
import sys
from pathlib import Path

from lessons.catalogue import HERE
from lessons.instructor import course, proof
from lessons.instructor.page import bring_up_to_date
from lessons.instructor.release import release
from lessons.instructor.sandbox import Limits
from tinyaae.errors import UserError

COURSE = "lessons/instructor/course.toml unless given"
LEAST_MB = 200  # of memory, without which NumPy cannot be imported


def add(verb):
    """Add the verbs to the command line; `verb(name, help, run)` returns a parser."""
    added = verb(
        "start", "make a student's copy in a new folder, to work in", lambda a: proved(lambda: start(a.folder))
    )
    added.add_argument("folder", metavar="DIR")
    says = "for instructors: prove the lessons; write a course's copy for students, its autograder, or both"
    added = verb("release", says, lambda a: proved(lambda: hand_out(a)))
    added.add_argument("folder", nargs="?", metavar="DIR")
    added.add_argument("--autograder", metavar="ZIP", help="what Gradescope takes")
    added.add_argument("--lessons", type=numbers, metavar="3,4,7", help="these instead of those of the course")
    added.add_argument("--course", metavar="FILE", help=COURSE)
    says = f"try each listed mistake on {proof.DRAWS} inputs, not on five; this takes minutes"
    added.add_argument("--prove", action="store_true", help=says)
    verb("page", "for instructors: bring the tables of the instructor's page up to date", lambda a: bring_up_to_date())
    one = verb("grade", "for instructors: grade one submission", lambda a: graded(a, "grade_one"))
    one.add_argument("submission", metavar="SUBMISSION", help="a folder, a .zip or a .py file")
    one.add_argument("--out", metavar="FILE", default="results.json", help="in Gradescope's form (results.json)")
    many = verb("grade-all", "for instructors: grade a folder of submissions", lambda a: graded(a, "grade_many"))
    many.add_argument("folder", metavar="DIR")
    many.add_argument("--csv", metavar="FILE", required=True, help="the table: a row for each entry of the folder")
    many.add_argument("--reports", metavar="DIR", help="a text for each entry, to be given back to the student")
    for added in (one, many):
        added.add_argument("--course", metavar="FILE", help=COURSE)
        says = "of the inputs; a new one each time unless given"
        added.add_argument("--seed", type=number_from(0, int), metavar="N", help=says)
        says = "for each check (%(default)g)"
        added.add_argument("--seconds", type=number_from(1, float), metavar="S", default=Limits().seconds, help=says)
        added.add_argument(
            "--memory", type=number_from(LEAST_MB, int), metavar="MB", default=Limits().memory_mb, help=says
        )


def graded(args, which):
    """Call a function of the grader with the arguments and the course."""
    from lessons.instructor import grade

    return getattr(grade, which)(args, course.load(args.course or Path(__file__).with_name("course.toml")))


def number_from(least, kind):
    """Return a function that reads a number of at least `least` from a text."""

    def number(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < float("inf"):
            expected = f"a {'whole ' if kind is int else ''}number from {least} on"
            raise argparse.ArgumentTypeError(f"{text!r} given, expected {expected}")
        return value

    return number


def start(folder):
    made = release(folder, course.load(), repository=HERE.parent, prove=False)
    print(f"Your copy is {made}. Next: cd into it, python -m lessons doctor, and read {made / 'lessons' / 'README.md'}")


def hand_out(args):
    if args.prove and not args.folder:
        raise UserError("release --prove: nothing to prove, expected the folder to write")
    if not (args.folder or args.autograder):
        raise UserError("release: nothing to write, expected a folder to write, --autograder ZIP, or both")
    chosen = course.load(args.course or Path(__file__).with_name("course.toml"), lessons=args.lessons)
    what = f"lessons {', '.join(map(str, chosen.lessons))}, {len(chosen.exercises)} exercises"
    if args.folder:
        draws = proof.DRAWS if args.prove else 0
        print(f"{release(args.folder, chosen, draws=draws, handout=True)}: {what}, proved and written")
    if args.autograder:
        from lessons.instructor.autograder import autograder

        print(f"{autograder(args.autograder, chosen)}: the autograder of {what}, proved and written")


def proved(write):
    """Call `write()`; return 0, or 1 after printing what stands against a release."""
    try:
        write()
    except proof.Unproven as error:
        print("Not written, because", *error.problems, sep="\n  ", file=sys.stderr)
        return 1
    return 0


def numbers(text):
    """Return the list of whole numbers in a text such as 3,4,7."""
    return [int(number) for number in text.split(",")]
