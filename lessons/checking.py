"""Exercises that check themselves.

An exercise is a function, arrays in and arrays out. Its check makes inputs of a fresh random shape, computes what
should come out in another way than the lesson does (with loops, by numerical differences, with the library), and
compares.

When the two differ, the check looks for the likely mistake. A `Mistake` is a way to turn right outputs into the wrong
ones that a certain slip would give, such as dW transposed, or divided by n once too often. If what came equals the
outcome of one of them, the message says so. The same list proves that the check is strict: each must be rejected.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyaae.errors import UserError

LIKELY = "Likely mistake:"


class Mistake(NamedTuple):
    """`says` names the slip; `of(right, inputs)` takes the right outputs by name and returns those it makes wrong."""

    says: str
    of: Callable


class Exercise(NamedTuple):
    """One function of a lesson, and how to check it.

    `inputs(rng)` returns its arguments, arrays and numbers, with fresh shapes. `answer(*inputs)` returns what should
    come out: an array, or a tuple of them, one for each name in `outputs`. `hints` are three: the idea, the shapes, the
    formula. `variants` are the answers of other terms, name -> answer; a release puts the matching text in the lesson.
    """

    number: str  # "3.2" is the second exercise of lesson 3
    name: str  # of the function
    outputs: tuple
    inputs: Callable
    answer: Callable
    mistakes: list
    hints: tuple
    points: int = 1
    variants: dict = {}
    tolerance: float = 1e-6
    edge: Callable | None = None  # makes the inputs of one case more; a hidden check has one

    def cases(self, seed=None, count=3):
        """Return `count` lists of inputs, and one of the `edge`, different each time unless there is a `seed`."""
        rng = np.random.default_rng(seed)
        return [make(rng) for make in (*[self.inputs] * count, *([self.edge] if self.edge else []))]

    def expected(self, inputs, variant=None):
        """Return the right outputs, a tuple of arrays."""
        return self.as_tuple((self.variants[variant] if variant else self.answer)(*copied(inputs)))

    def complaint(self, inputs, came, variant=None):
        """Return None where `came` is right, else what is wrong with it, in words for whoever wrote it."""
        right = self.expected(inputs, variant)
        title, names = f"{self.number} {self.name}", ", ".join(self.outputs)
        if came is None:
            return f"{title}: it returned nothing (None), expected {names}; is there a `return`?"
        came = self.as_tuple(came)
        if len(came) != len(self.outputs):
            things = "1 thing" if len(came) == 1 else f"{len(came)} things"
            return f"{title}: it returned {things}, expected {len(self.outputs)}: {names}"
        if all(same(a, b, self.tolerance) for a, b in zip(came, right, strict=True)):
            return None
        lines = [f"{title}: the outcome is not right."]
        for name, a, b in zip(self.outputs, came, right, strict=True):
            if not same(a, b, self.tolerance):
                lines.append(f"  {name}: expected {shown(b)}")
                lines.append(f"  {' ' * len(name)}  but came {shown(a)}")
                lines += worst(a, b)
        likely = self.likely_mistakes(inputs, came, right)
        return "\n".join(lines + [f"  {LIKELY} {says}" for says in likely])

    def likely_mistakes(self, inputs, came, right):
        """Return the words of the mistake that gives what came, or else of one for each output that is wrong."""
        outcomes = [(mistake.says, self.wrong(mistake, inputs, right)) for mistake in (*self.mistakes, *ALWAYS)]
        for says, wrong in outcomes:
            if all(same(a, b, self.tolerance) for a, b in zip(came, wrong, strict=True)):
                return [says]
        order = other_order(self.outputs, came, right)
        if order:
            expected = ", ".join(self.outputs)
            return [f"the order of the outputs; by their shapes {', '.join(order)} came, expected {expected}"]
        found = []
        for k, name in enumerate(self.outputs):
            if not same(came[k], right[k], self.tolerance):
                alone = [says for says, wrong in outcomes if same(came[k], wrong[k], self.tolerance)]
                said = alone[0] if alone else wrong_factor(name, came[k], right[k])
                found += [said if name in said.split() else f"{name}: {said}"] if said else []
        return found

    def wrong(self, mistake, inputs, right):
        """Return the outputs (a tuple) that `mistake` would give in place of `right`."""
        by_name = dict(zip(self.outputs, right, strict=True))
        return self.as_tuple(tuple((by_name | mistake.of(by_name, inputs)).values()))

    def as_tuple(self, outputs):
        """Return what a function returned as a tuple of arrays; a list is an array where one output is expected."""
        several = isinstance(outputs, tuple) or (isinstance(outputs, list) and len(self.outputs) > 1)
        return tuple(map(as_array, outputs if several else (outputs,)))

    def check(self, function, seed=None, variant=None):
        """Raise `AssertionError` unless `function` is right on fresh inputs and leaves them as they were."""
        for inputs in self.cases(seed):
            lent = copied(inputs)
            try:
                came = function(*lent)
            except NotImplementedError as error:
                other = "" if str(error) in ("", f"exercise {self.number}") else f"; it calls {error}"
                raise AssertionError(f"{self.number} {self.name}: not solved yet{other}") from error
            complaint = self.complaint(inputs, came, variant)
            if complaint:
                raise AssertionError(complaint)
            for k, (before, after) in enumerate(zip(inputs, lent, strict=True)):
                if not same(after, before, 0):
                    raise AssertionError(f"{self.number} {self.name}: it changed its argument number {k + 1} in place")


def copy_settings(folder=Path(__file__).parent):
    """Return what `copy.json` in a student's copy says: this term's variants, and where the repository is."""
    path, settings = folder / "copy.json", {"variants": {}, "repository": None}
    if not path.is_file():
        return settings
    try:
        return settings | json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: {error}; expected it as it came, was it edited?") from error


def checks_of(lesson, exercises):
    """Return a pytest function that checks each of the exercises in the module `lesson`."""
    try:
        import pytest
    except ImportError:  # `python -m lessons` needs only the exercises
        return None

    @pytest.mark.parametrize("exercise", exercises, ids=lambda exercise: f"{exercise.number}-{exercise.name}")
    def test_exercise(exercise):
        exercise.check(getattr(lesson, exercise.name), variant=copy_settings()["variants"].get(exercise.number))

    return test_exercise


# Ways to be wrong -----------------------------------------------------------------------------------------------------


def changed(name, change, says):
    """Return the `Mistake` that makes `change(right, inputs)` of the output called `name`."""
    return Mistake(says, lambda right, inputs: {name: change(right[name], inputs)})


def scaled(name, factor, says):
    """Return the `Mistake` of an output that is `factor(inputs)` times too large."""
    return changed(name, lambda right, inputs: right * factor(inputs), says)


def transposed(name):
    """Return the `Mistake` of an output that is transposed."""
    return changed(name, lambda right, inputs: right.T, f"{name} is transposed")


def everywhere(change, says):
    """Return the `Mistake` that changes every output."""
    return Mistake(says, lambda right, inputs: {name: change(x) for name, x in right.items()})


ALWAYS = (
    everywhere(lambda x: 0 * x, "all zeros came; does the function return what it computed?"),
    everywhere(lambda x: -x, "the sign is flipped"),
)


# Arrays ---------------------------------------------------------------------------------------------------------------


def numerical(loss, x, h=1e-5):
    """Return dL/dx by central differences; `loss(x)` is a number, x an array of any shape."""
    gradient, x = np.zeros_like(x), x.copy()
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        above = loss(x)
        x[index] = value - h
        gradient[index] = (above - loss(x)) / (2 * h)
        x[index] = value
    return gradient


def as_array(x):
    try:
        return np.asarray(x)
    except ValueError:  # a list of rows of different lengths
        return np.empty(0, dtype=object)


def copied(inputs):
    return [x.copy() if isinstance(x, np.ndarray) else x for x in inputs]


def same(a, b, tolerance):
    """Whether two arrays have one shape and differ by at most `tolerance` times the largest element of `b`."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind not in "biuf":
        return False
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return np.array_equal(a, b, equal_nan=True)
    return a.size == 0 or bool(np.max(np.abs(a * 1.0 - b)) <= tolerance * np.max(np.abs(b)))


def other_order(names, came, right):
    """Return the names of the outputs in the order in which they came, or None where the shapes do not tell."""
    by_shape = {x.shape: name for name, x in zip(names, right, strict=True)}
    shapes = [x.shape for x in came]
    if len(by_shape) < len(names) or set(shapes) != set(by_shape) or any(x.dtype.kind not in "biuf" for x in came):
        return None
    if all(shape in (x.shape, x.shape[::-1]) for shape, x in zip(shapes, right, strict=True)):
        return None  # in order, or each of them may be transposed
    return [by_shape[shape] for shape in shapes]


def wrong_factor(name, came, right):
    """Return in words by which factor an output is wrong, or None."""
    factor = constant_factor(came, right)
    if factor is None or abs(factor - 1) < 1e-5:
        return None
    return f"{name} is {factor:.6g} times what it should be; which mean, sum or factor is that"


def constant_factor(a, b):
    """Return c where a = c·b within rounding and c is not 0, else None."""
    if a.shape != b.shape or a.dtype.kind not in "biuf" or not np.any(b) or not np.all(np.isfinite(a)):
        return None
    factor = float(np.sum(a * b) / np.sum(b * b))
    return factor if factor and same(a, factor * b, 1e-5) else None


def worst(came, right):
    """Return, in a list of at most one line, where two arrays of more than four numbers differ most."""
    if came.shape != right.shape or came.size <= 4 or came.dtype.kind not in "biuf":
        return []
    with np.errstate(all="ignore"):
        apart = np.nan_to_num(np.abs(came * 1.0 - right), nan=np.inf)
    index = tuple(map(int, np.unravel_index(np.argmax(apart), apart.shape)))
    return [f"    they differ most at {list(index)}: expected {right[index]:.6g}, but came {came[index]:.6g}"]


def shown(x):
    """Return an array as one short line."""
    if x.ndim == 0 and x[()] is None:
        return "nothing (None)"
    if x.dtype.kind not in "biuf":
        return f"something that is no array of numbers ({x.dtype})"
    values = np.array2string(x.ravel()[:4], precision=4, separator=", ")
    return f"shape {x.shape}, {values[:-1]}, …]" if x.size > 4 else f"shape {x.shape}, {values}"
