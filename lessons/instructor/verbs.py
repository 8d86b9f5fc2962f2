"""The verbs of `python -m lessons` that a student's copy does not have."""

import sys
from pathlib import Path

from lessons.catalogue import HERE
from lessons.instructor import course, proof
from lessons.instructor.page import bring_up_to_date
from lessons.instructor.release import release
from tinyaae.errors import UserError


def add(verb):
    """Add the verbs to the command line; `verb(name, help, run)` returns a parser."""
    added = verb("start", "make a student's copy in a new folder, to work in", lambda a: start(a.folder))
    added.add_argument("folder", metavar="DIR")
    says = "for instructors: prove the lessons; write a course's copy for students, its autograder, or both"
    added = verb("release", says, hand_out)
    added.add_argument("folder", nargs="?", metavar="DIR")
    added.add_argument("--autograder", metavar="ZIP", help="what Gradescope takes")
    added.add_argument("--lessons", type=numbers, metavar="3,4,7", help="these instead of those of the course")
    added.add_argument("--course", metavar="FILE", help="lessons/instructor/course.toml unless given")
    verb("page", "for instructors: bring the tables of the instructor's page up to date", lambda a: bring_up_to_date())
    verb("grade", "for instructors: grade a submission (grade --help)", None)
    verb("grade-all", "for instructors: grade a folder of submissions (grade-all --help)", None)


def start(folder):
    made = release(folder, course.load(), repository=HERE.parent, prove=False)
    print(f"Your copy is {made}. Next: cd into it, python -m lessons doctor, and read {made / 'lessons' / 'README.md'}")
    return 0


def hand_out(args):
    if not (args.folder or args.autograder):
        raise UserError("release: nothing to write, expected a folder to write, --autograder ZIP, or both")
    chosen = course.load(args.course or Path(__file__).with_name("course.toml"), lessons=args.lessons)
    what = f"lessons {', '.join(map(str, chosen.lessons))}, {len(chosen.exercises)} exercises"
    try:
        if args.folder:
            print(f"{release(args.folder, chosen)}: {what}, proved and written")
        if args.autograder:
            from lessons.instructor.autograder import autograder

            print(f"{autograder(args.autograder, chosen)}: the autograder of {what}, proved and written")
    except proof.Unproven as error:
        print(f"{args.folder or args.autograder} is not written, because", *error.problems, sep="\n  ", file=sys.stderr)
        return 1
    return 0


def numbers(text):
    """Return the list of whole numbers in a text such as 3,4,7."""
    return [int(number) for number in text.split(",")]
