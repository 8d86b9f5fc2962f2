"""The verbs of `python -m lessons` that a student's copy does not have."""

import sys
from pathlib import Path

from lessons.catalogue import HERE
from lessons.instructor import course, proof
from lessons.instructor.release import release


def add(verb):
    """Add the verbs to the command line; `verb(name, help, run)` returns a parser."""
    added = verb("start", "make a student's copy in a new folder, to work in", lambda a: start(a.folder))
    added.add_argument("folder", metavar="DIR")
    added = verb("release", "for instructors: prove the lessons, write a course's copy for students", hand_out)
    added.add_argument("folder", metavar="DIR")
    added.add_argument("--lessons", type=numbers, metavar="3,4,7", help="these instead of those of the course")
    added.add_argument("--course", metavar="FILE", help="lessons/instructor/course.toml unless given")
    verb("grade", "for instructors: grade a submission (grade --help)", None)
    verb("grade-all", "for instructors: grade a folder of submissions (grade-all --help)", None)


def start(folder):
    made = release(folder, course.load(), repository=HERE.parent, prove=False)
    print(f"Your copy is {made}. Next: cd into it, python -m lessons doctor, and read {made / 'lessons' / 'README.md'}")
    return 0


def hand_out(args):
    chosen = course.load(args.course or Path(__file__).with_name("course.toml"), lessons=args.lessons)
    try:
        made = release(args.folder, chosen)
    except proof.Unproven as error:
        print(f"{args.folder} is not written, because", *error.problems, sep="\n  ", file=sys.stderr)
        return 1
    count = len(chosen.exercises)
    print(f"{made}: lessons {', '.join(map(str, chosen.lessons))}, {count} exercises, proved and written")
    return 0


def numbers(text):
    """Return the list of whole numbers in a text such as 3,4,7."""
    return [int(number) for number in text.split(",")]
