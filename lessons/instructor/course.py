"""A term's choices: which lessons, how many points, which variants and which hidden checks.

They are written in a TOML file such as `course.toml` beside this one. A release also writes them as JSON for the
grader, because Python 3.10, which many a grader's container has, does not read TOML.
"""

import json
from pathlib import Path
from typing import NamedTuple

from lessons import catalogue
from lessons.instructor.variants import TOGETHER
from tinyaae.errors import UserError

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")  # Gradescope's words


class Chosen(NamedTuple):
    """One exercise of a course."""

    number: str  # "3.2"
    name: str  # of the function
    points: float
    variant: str | None  # one of the exercise's variants
    hidden: bool  # whether the grader also checks with inputs that the student's copy does not have
    visibility: str  # of the hidden check: who sees its result, and when


class Course(NamedTuple):
    """A term: the numbers of its lessons, and their exercises, all of them, in order."""

    title: str
    lessons: list
    exercises: list

    @property
    def variants(self):
        """Number -> variant of the exercises that have one this term."""
        return {chosen.number: chosen.variant for chosen in self.exercises if chosen.variant}

    def to_json(self):
        """Return the text of a file that `load` reads as this course."""
        own = {chosen.number: {k: v for k, v in chosen._asdict().items() if k in KINDS} for chosen in self.exercises}
        return json.dumps({"title": self.title, "lessons": self.lessons, "exercises": own}, indent=2) + "\n"


KINDS = {"points": (int, float), "variant": (str, type(None)), "hidden": bool, "visibility": str}  # of an exercise


def load(path=None, folder=catalogue.HERE, lessons=None):
    """Return the `Course` of a .toml or .json file; None is all lessons of `folder` as they stand.

    `lessons`, a list of numbers, stands in for those of the file. `UserError` names the key that is not right.
    """
    values = {} if path is None else read(Path(path))
    known = {lesson.number: lesson for lesson in catalogue.lessons(folder)}
    where = str(path or "course")
    for key in values:
        expect(key in ("title", "lessons", "hidden", "visibility", "exercises"), where, f"there is no setting {key!r}")
    expect(isinstance(values.get("title", ""), str), where, f"title: {values.get('title')!r} given, expected a text")
    numbers = lessons or values.get("lessons", list(known))
    expect(isinstance(numbers, list) and numbers, where, f"lessons: {numbers!r} given, expected a list such as [1, 3]")
    for number in numbers:
        expect(number in known, where, f"there is no lesson {number!r}; there are {', '.join(map(str, known))}")
    own = values.get("exercises", {})
    expect(isinstance(own, dict), where, f'exercises: {own!r} given, expected tables such as [exercises."3.2"]')
    everywhere = {exercise.number for lesson in known.values() for exercise in lesson.exercises}
    for number in own:
        expect(number in everywhere, where, f'there is no exercise {number!r}; is the number in quotes, as in "3.2"?')
    defaults = {"hidden": values.get("hidden", False), "visibility": values.get("visibility", "after_published")}
    chosen = [
        choose(exercise, defaults, own.get(exercise.number, {}), where)
        for number in sorted(set(numbers))
        for exercise in known[number].exercises
    ]
    of = {exercise.number: exercise.variant for exercise in chosen}
    for one, other in TOGETHER:
        says = f"exercises {one} and {other}: one layer is made of both, choose the same variant for each, or none"
        expect(of.get(one) == of.get(other), where, says)
    return Course(values.get("title", "Adversarial autoencoders"), sorted(set(numbers)), chosen)


def choose(exercise, defaults, own, where):
    """Return the exercise as the course has it."""
    where = f"{where}: exercise {exercise.number}"
    expect(isinstance(own, dict), where, f"{own!r} given, expected a table such as {{ points = 2 }}")
    for key, value in own.items():
        expect(key in KINDS, where, f"there is no setting {key!r}; there are {', '.join(KINDS)}")
        defaults = defaults | {key: value}
    chosen = {"points": exercise.points, "variant": None} | defaults
    for key, kind in KINDS.items():
        right = isinstance(chosen[key], kind) and (kind is bool or not isinstance(chosen[key], bool))
        expect(right, where, f"{key}: {chosen[key]!r} is of the wrong kind")
    expect(0 <= chosen["points"] < float("inf"), where, f"points: {chosen['points']} given, expected 0 or more")
    words = chosen["visibility"]
    expect(words in VISIBILITIES, where, f"visibility: {words!r} given, expected one of {', '.join(VISIBILITIES)}")
    known = [None, *exercise.variants]
    among = ", ".join(exercise.variants) or "none"
    expect(chosen["variant"] in known, where, f"there is no variant {chosen['variant']!r}; there are: {among}")
    return Chosen(exercise.number, exercise.name, **chosen)


def read(path):
    """Return the values in a .toml or .json file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected a course such as lessons/instructor/course.toml")
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json":
            return json.loads(text)
        try:
            import tomllib
        except ImportError:  # Python 3.10
            import tomli as tomllib
        return tomllib.loads(text)
    except ImportError as error:
        raise UserError(f'{path}: Python before 3.11 does not read TOML by itself; pip install "tomli"') from error
    except ValueError as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}; is it written like course.toml?") from error


def expect(true, where, complaint):
    """Raise `UserError` with the complaint unless `true`."""
    if not true:
        raise UserError(f"{where}: {complaint}")
