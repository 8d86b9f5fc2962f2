"""Which lessons there are, and which exercises each has.

A lesson is `lesson_NN_word.py`, its checks are `test_NN_word.py` beside it. The exercises are read without running the
lesson: while the checks are run, empty modules stand in for the lessons. So a lesson that somebody is in the middle of
writing can be listed, and a grader never runs a student's file in its own process.
"""

import io
import re
import sys
import tokenize
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tinyaae.errors import UserError

HERE = Path(__file__).resolve().parent
EXPECTED = "expected"  # not "pictures": a lesson that is run in its own folder writes there


class Lesson(NamedTuple):
    """One lesson; `path` is its file, and `exercises` are those of its checks, in order."""

    number: int
    title: str
    path: Path
    module_name: str  # "lessons.lesson_03_losses"
    exercises: list

    @property
    def checks(self):
        """The path of the file with the checks."""
        return checks_beside(self.path)


def lessons(folder=HERE):
    """Return the `Lesson`s in a folder, in order; `UserError` names a file that cannot be used."""
    found = []
    for path in sorted(Path(folder).glob("lesson_[0-9][0-9]_*.py")):
        title = re.match(r"# %% \[markdown\]\n# # (?:\d+\. )?(.+)", read(path, "replace"))
        name = f"lessons.{path.stem}"
        found.append(Lesson(int(path.name[7:9]), title[1] if title else path.stem, path, name, exercises_of(path)))
    return found


def expected_pictures(lesson, folder=HERE):
    """Return the paths of the pictures that the lesson draws when it is solved, as far as the folder has them."""
    return sorted((Path(folder) / EXPECTED).glob(f"lesson_{lesson.number:02d}*.png"))


def checks_beside(path):
    """Return the path of the checks of the lesson at `path`."""
    return path.with_name(path.name.replace("lesson_", "test_", 1))


def exercises_of(path):
    """Return the exercises of the lesson at `path` without running the lesson."""
    checks = checks_beside(path)
    if not checks.is_file():
        raise UserError(f"{path}: there is no {checks.name} beside it, expected the lesson's checks; was it deleted?")
    stand_ins = {f"lessons.{lesson.stem}": ModuleType(lesson.stem) for lesson in path.parent.glob("lesson_*.py")}
    package = sys.modules[__package__]
    loaded = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    attributes = dict(vars(package))  # `from lessons import lesson_01_linear` looks here first
    try:
        sys.modules.update(stand_ins)
        for name in stand_ins:
            vars(package).pop(name.partition(".")[2], None)
        return list(run_file(checks, f"lessons.{checks.stem}").EXERCISES)
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{checks}: {why}; expected the checks as they came, were they edited?") from error
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(loaded)
        vars(package).update(attributes)


def run_file(path, name):
    """Return a new module with what the file defines.

    Unlike `import` it reads the file anew each time, even if it was saved twice within a second, and leaves no
    `__pycache__`.
    """
    module = ModuleType(name)
    module.__file__ = str(path)
    before = sys.modules.get(name)
    sys.modules[name] = module  # a dataclass looks its module up
    try:
        exec(compile(read_bytes(path), str(path), "exec"), vars(module))
    finally:
        del sys.modules[name]
        if before:
            sys.modules[name] = before
    return module


def read(path, errors="strict"):
    """Return the text of a file as Python reads its own: UTF-8, a byte-order mark or not, or what its coding line says.

    `UserError` if it is not there or, unless `errors` is "replace", not in that encoding.
    """
    data = read_bytes(path)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        encoding = "utf-8-sig"
        if errors == "strict":
            raise UserError(f"{path}: {error}; expected a text file in UTF-8") from error
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding, errors).read()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {error}; expected a text file in UTF-8") from error


def read_bytes(path):
    """Return the bytes of a file; `UserError` if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected a file that can be read") from error
