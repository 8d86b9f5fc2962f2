"""Which lessons there are, and which exercises each has.

A lesson is `lesson_NN_word.py`, its checks are `test_NN_word.py` beside it. The exercises are read without running the
lesson: while the checks are imported, empty modules stand in for the lessons. So a lesson that somebody is in the
middle of writing can be listed, and a grader never runs a student's file in its own process.
"""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tinyaae.errors import UserError

HERE = Path(__file__).resolve().parent


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
        number = int(path.name[7:9])
        title = re.match(r"# %% \[markdown\]\n# # (?:\d+\. )?(.+)", path.read_text(encoding="utf-8"))
        found.append(Lesson(number, title[1] if title else path.stem, path, f"lessons.{path.stem}", exercises_of(path)))
    return found


def checks_beside(path):
    """Return the path of the checks of the lesson at `path`."""
    return path.with_name(path.name.replace("lesson_", "test_", 1))


def exercises_of(path):
    """Return the exercises of the lesson at `path` without running the lesson."""
    checks = checks_beside(path)
    if not checks.is_file():
        raise UserError(f"{path}: there is no {checks.name} beside it, expected the lesson's checks; was it deleted?")
    stand_ins = {f"lessons.{lesson.stem}": ModuleType(lesson.stem) for lesson in path.parent.glob("lesson_*.py")}
    package = sys.modules.get("lessons")
    hidden = {name: package.__dict__.pop(name[8:]) for name in stand_ins if hasattr(package, name[8:])}
    before = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        spec = importlib.util.spec_from_file_location(f"lessons.{checks.stem}", checks)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return list(module.EXERCISES)
    except Exception as error:
        raise UserError(f"{checks}: {type(error).__name__}: {error}; the checks should be as they came") from error
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(before)
        for name, module in hidden.items():
            setattr(package, name[8:], module)
