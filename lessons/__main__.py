"""The course at the command line.

    python -m lessons                 the lessons, and what is solved
    python -m lessons check 3         check lesson 3; 3.2 is one exercise, nothing is all
    python -m lessons check 3.2 --again --show   the case in which it failed, with its numbers
    python -m lessons hint 3.2        the next of three hints

Exit status: 0 done, 1 something is not solved or not in order, 2 a mistake in what was asked or nothing is installed
(one line says which).
"""

import argparse
import sys
from pathlib import Path

IN_THE_REPOSITORY = "In the repository: python -m pip install -e ."

try:
    from lessons import doctor, student
    from lessons.catalogue import HERE
    from tinyaae.errors import UserError
    from tinyaae.surroundings import run_program, with_home
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] == "lessons":  # not for pip to mend
        raise
    wheel = next(Path(__file__).resolve().parents[1].glob("tinyaae-*.whl"), None)  # of a handout
    install = f"In this folder: python -m pip install {wheel.name}" if wheel else IN_THE_REPOSITORY
    print(
        f"python -m lessons: {sys.executable} has no module {error.name}, expected tinyaae and what it needs; is the "
        f"virtual environment not active, or nothing installed yet? {install}",
        file=sys.stderr,
    )
    sys.exit(2)

PATHS = (
    "folder",
    "out",
    "repository",
    "autograder",
    "course",
    "submission",
    "csv",
    "reports",
)  # arguments that are paths
INSTRUCTOR = (HERE / "instructor").is_dir()  # not in a student's copy


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser():
    p = Parser("python -m lessons", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.set_defaults(run=lambda args: student.show_list())
    verbs = p.add_subparsers(title="verbs", metavar="VERB")

    def verb(name, says, run):
        added = verbs.add_parser(name, help=says, description=says)
        added.set_defaults(run=run)
        return added

    says = "check all, a lesson (3, or its file) or an exercise (3.2)"
    added = verb("check", says, lambda a: student.check(a.which, a.again, a.show, a.pdb))
    added.add_argument("which", nargs="?", metavar="N")
    added.add_argument("--again", action="store_true", help="repeat the case in which it failed last")
    added.add_argument("--show", action="store_true", help="print the inputs of that case, what was expected and came")
    added.add_argument("--pdb", action="store_true", help="stop in the exercise with these inputs, in the debugger")
    added = verb("watch", "check again whenever a lesson is saved; Ctrl-C ends it", lambda a: student.watch(a.which))
    added.add_argument("which", nargs="?", metavar="N")
    added = verb("hint", "the next of three hints", lambda a: student.hint(a.number, a.again))
    added.add_argument("number", metavar="3.2")
    added.add_argument("--again", action="store_true", help="those already given, once more")
    says = "answer the questions at an exercise first; then what comes stands beside your guess"
    added = verb("guess", says, lambda a: student.guess(a.number, a.again))
    added.add_argument("number", metavar="2.3")
    added.add_argument("--again", action="store_true", help="guess once more")
    added = verb("reset", "put a lesson (3) or an exercise (3.2) back as it came", lambda a: student.reset(a.number))
    added.add_argument("number", metavar="N")
    added = verb("solution", "once yours passes: ours", lambda a: student.solution(a.number, a.repository))
    added.add_argument("number", metavar="3.2")
    added.add_argument("--repository", metavar="DIR", help="the full repository, if it is not where it was")
    added = verb("notebook", "write a lesson, or all, as notebooks", lambda a: student.notebook(a.number, a.out))
    added.add_argument("number", nargs="?", metavar="N")
    added.add_argument("--out", required=True, metavar="DIR")
    verb("doctor", "is everything here that the lessons need?", lambda a: doctor.main())
    if INSTRUCTOR:
        from lessons.instructor import verbs as more

        more.add(verb)
    return p


def main(argv=None):
    """Run one verb; return the exit status."""
    try:
        args = with_home(parser().parse_args(argv), PATHS)
        return args.run(args)
    except UserError as error:
        print(f"python -m lessons: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever was reading has read enough, as in `python -m lessons | head`
        raise
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"python -m lessons: {what}; expected a place that can be read and written", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run_program(main))
