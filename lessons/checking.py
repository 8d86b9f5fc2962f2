"""Exercises that check themselves.

An exercise is a function, arrays in and arrays out. Its check makes inputs of a fresh random shape, computes what
should come out in another way than the lesson does (with loops, by numerical differences, with the library), and
compares.

When the two differ, the check looks for the likely mistake. A `Mistake` is a way to turn right outputs into the wrong
ones that a certain slip would give, such as dW transposed, or divided by n once too often. If what came equals the
outcome of one of them, the message says so. The same list proves that the check is strict: each must be rejected.
Where no listed mistake fits, the message names what any slip may leave behind: outputs in another order, a sum that is
missing, a factor that is the number of rows, a NaN and where it comes from. These are in `reasons.py`.
"""

import contextlib
import inspect
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lessons.reasons import observed, order_of, reason, shown, worst
from tinyaae.errors import UserError

LIKELY, LOOK = "Likely mistake:", "Look:"
IN_PLACE = (
    "it changed its argument {0} in place, which the caller still needs; make a new array, as {0} = {0} − … does and "
    "{0} −= … does not"
)
NOT_OWN = "it uses {}; an exercise is solved by lines of your own and NumPy, without the library tinyaae"


class Mistake(NamedTuple):
    """`says` names the slip; `of(right, inputs)` takes the right outputs by name and returns those it makes wrong.

    A mistake `at_edge` is one that only the inputs of `Exercise.edge` can tell from the right answer.
    """

    says: str
    of: Callable
    at_edge: bool = False


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
    edge: Callable | None = None  # makes the inputs of one case more; a hidden check has its own
    library: bool = False  # whether it may call the library tinyaae, which elsewhere would be the answer

    def cases(self, seed=None, count=3):
        """Return `count` lists of inputs, and one of the `edge`, different each time unless there is a `seed`."""
        rng = np.random.default_rng(seed)
        return [make(rng) for make in (*[self.inputs] * count, *([self.edge] if self.edge else []))]

    def expected(self, inputs, variant=None):
        """Return the right outputs, a tuple of arrays."""
        return self.as_tuple((self.variants[variant] if variant else self.answer)(*copied(inputs)))

    def complaint(self, inputs, came, variant=None, arguments=None):
        """Return None where `came` is right, else what is wrong with it, in words for whoever wrote it.

        `arguments` are the names of the inputs, where they are known.
        """
        right = self.expected(inputs, variant)
        title, names = f"{self.number} {self.name}", ", ".join(self.outputs)
        if came is None:
            return f"{title}: it returned nothing (None), expected {names}; is there a `return`?"
        lists = self.lists_in(came)
        if lists:
            return f"{title}: {lists}, expected an array of NumPy; np.array(…) makes one of a list"
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
        arguments = arguments or [f"argument {k + 1}" for k in range(len(inputs))]
        likely, look = self.likely_mistakes(inputs, came, right, arguments)
        return "\n".join(lines + [f"  {LIKELY} {says}" for says in likely] + [f"  {LOOK} {says}" for says in look])

    def likely_mistakes(self, inputs, came, right, arguments):
        """Return the words of the mistake that gives what came, or else of one for each output that is wrong.

        The second list is of outputs without a mistake that fits: where they are right, and where not.
        """
        outcomes = []
        for mistake in (*self.mistakes, *ALWAYS):
            with np.errstate(all="ignore"):  # at an edge, what a mistake gives may be a division by 0
                outcomes.append((mistake.says, self.wrong(mistake, inputs, right)))
        for says, wrong in outcomes:
            if all(same(a, b, self.tolerance) for a, b in zip(came, wrong, strict=True)):
                return [says], []
        order = order_of(self.outputs, came, right, lambda a, b: same(a, b, self.tolerance))
        if order:
            return [order], []
        found, look = [], []
        for k, name in enumerate(self.outputs):
            if not same(came[k], right[k], self.tolerance):
                said = self.alone(k, came, right, outcomes) or reason(name, came[k], right[k], inputs, arguments)
                if said:
                    found.append(said if name in said.split() else f"{name}: {said}")
                else:
                    look += observed(name, came[k], right[k], inputs, arguments)
        return found, look

    def alone(self, k, came, right, outcomes):
        """Return the words of the mistake that gives output `k`, if possible one that changes no other, or None."""
        fits = []
        for says, wrong in outcomes:
            if same(came[k], wrong[k], self.tolerance):
                others = [j for j in range(len(wrong)) if j != k and not same(wrong[j], right[j], self.tolerance)]
                fits.append((len(others), says))
        fewest = min(fits, key=lambda fit: fit[0], default=None)
        if fewest is None:
            return None
        everywhere_else = fewest[0] and fewest[1] not in {mistake.says for mistake in ALWAYS}
        return f"in {self.outputs[k]} alone: {fewest[1]}" if everywhere_else else fewest[1]

    def wrong(self, mistake, inputs, right):
        """Return the outputs (a tuple) that `mistake` would give in place of `right`."""
        by_name = dict(zip(self.outputs, right, strict=True))
        return self.as_tuple(tuple((by_name | mistake.of(by_name, inputs)).values()))

    def as_tuple(self, outputs):
        """Return what a function returned as a tuple of arrays."""
        return tuple(map(as_array, self.parts(outputs)))

    def parts(self, outputs):
        """Return the outputs as a sequence; a list of several outputs is as good as a tuple of them."""
        several = isinstance(outputs, tuple) or (isinstance(outputs, list) and len(self.outputs) > 1)
        return outputs if several else (outputs,)

    def lists_in(self, outputs):
        """Return in words which outputs are lists of numbers, where the lesson computes on with arrays, or None."""
        parts = self.parts(outputs)
        if len(parts) != len(self.outputs):
            return None
        lists = [name for name, part in zip(self.outputs, parts, strict=True) if isinstance(part, (list, tuple))]
        return f"{' and '.join(lists)} came as a list" if lists else None

    def check(self, function, seed=None, variant=None):
        """Raise `AssertionError` unless `function` is right on fresh inputs and leaves them as they were."""
        for inputs in self.cases(seed):
            self.check_case(function, inputs, variant)

    def check_case(self, function, inputs, variant=None):
        """Raise `AssertionError` unless `function` is right by itself on these inputs and leaves them as they were."""
        title, lent, arguments = f"{self.number} {self.name}", copied(inputs), argument_names(function, inputs)
        try:
            with library_watched() as used:
                came = function(*lent)
        except NotImplementedError as error:
            other = "" if str(error) in ("", f"exercise {self.number}") else f"; it calls {error}"
            raise AssertionError(f"{title}: not solved yet{other}") from error
        if used and not self.library:
            raise AssertionError(f"{title}: {NOT_OWN.format(used[0])}")
        in_place = [
            name for name, before, after in zip(arguments, inputs, lent, strict=True) if not same(after, before, 0)
        ]
        complaint = self.complaint(inputs, came, variant, arguments)
        if complaint and not in_place and self.differs(function, inputs, came):
            complaint += (
                f"\n  {LIKELY} called again with the same inputs it returned other numbers; the arguments hold all "
                "that it needs, so draw nothing at random and keep nothing from an earlier call"
            )
        if in_place:
            complaint = f"{complaint}\n  {LIKELY} " if complaint else f"{title}: "
            complaint += IN_PLACE.format(in_place[0])
        if complaint:
            raise AssertionError(complaint)

    def differs(self, function, inputs, came):
        """Whether the function returns something else when it is called with the same inputs again."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                again = self.as_tuple(function(*copied(inputs)))
            first = self.as_tuple(came)
            return len(first) != len(again) or any(
                not (a.dtype.kind not in "biuf" or np.array_equal(a, b, equal_nan=True))
                for a, b in zip(first, again, strict=True)
            )
        except Exception:
            return False


@contextlib.contextmanager
def library_watched():
    """Yield a list; the first function of the library that is called meanwhile is put into it, by its full name.

    However the function was imported, what counts is that it is called. The grader does the same (child.py).
    """
    used, before = [], sys.getprofile()

    def note(frame, event, _):
        module = str(frame.f_globals.get("__name__"))
        known = used and not used[0].startswith("tinyaae.backend")  # the backend may only wrap what was called
        if event == "call" and not known and module.partition(".")[0] == "tinyaae":
            used[:] = [f"{module}.{frame.f_code.co_name}".removesuffix(".<module>")]

    sys.setprofile(note)
    try:
        yield used
    finally:
        sys.setprofile(before)


def argument_names(function, inputs):
    """Return the names of the function's arguments, one for each of the inputs."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return names if len(names) == len(inputs) else [f"argument {k + 1}" for k in range(len(inputs))]


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


def changed(name, change, says, at_edge=False):
    """Return the `Mistake` that makes `change(right, inputs)` of the output called `name`."""
    return Mistake(says, lambda right, inputs: {name: change(right[name], inputs)}, at_edge)


def instead(name, wrong, says, at_edge=False):
    """Return the `Mistake` of `wrong(*inputs)` in place of one output."""
    return changed(name, lambda right, inputs: wrong(*inputs), says, at_edge)


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
