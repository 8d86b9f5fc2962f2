"""What a wrong outcome shows by itself, whatever the exercise: words for the message of a check.

`reason` names the slip where one leaves its mark on the numbers. `observed` says no more than where an outcome is right
and where it is not. Every size of the inputs of a check differs from the others, so a wrong size names its origin.
"""

import itertools
import math

import numpy as np

NUMBERS = "biuf"  # kinds of dtypes
CLOSE = 1e-6


def reason(name, came, right, inputs, arguments):
    """Return in words why an output is wrong, or None."""
    if came.dtype.kind not in NUMBERS:
        return None
    tries = (not_finite, whole_numbers, an_argument, other_shape, a_factor)
    return next((says for says in (one(name, came, right, inputs, arguments) for one in tries) if says), None)


def observed(name, came, right, inputs, arguments):
    """Return, in a list of at most one line, where an output of the right shape is right and where it is not."""
    if came.shape != right.shape or came.dtype.kind not in NUMBERS or came.size < 2:
        return []
    good = np.abs(came * 1.0 - right) <= CLOSE * max(np.max(np.abs(right)), 1e-300)
    if not good.any():
        return []
    for argument, x in zip(arguments, inputs, strict=True):
        if isinstance(x, np.ndarray) and x.shape == good.shape:
            for words, others, mask in ((">", "≤", x > 0), ("<", "≥", x < 0)):
                if np.array_equal(good, mask):
                    return [f"{name} is right where {argument} {words} 0, and wrong where {argument} {others} 0"]
    for axis, word in enumerate(("row", "column")[: good.ndim]):
        lines = good if good.ndim == 1 else good.all(axis=1 - axis) if good.ndim == 2 else good[:0]
        wrong = np.flatnonzero(~lines)
        if 0 < len(wrong) < len(lines):
            some = ", ".join(map(str, wrong[:6])) + (", …" if len(wrong) > 6 else "")
            return [f"{name} is wrong in {word if len(wrong) == 1 else word + 's'} {some}, and right in all others"]
    return [f"{name} is right at {good.sum()} of {good.size} places"]


# Slips that leave a mark ----------------------------------------------------------------------------------------------


def not_finite(name, came, right, inputs, arguments):
    """NaN or infinity where a number belongs: what may have made it."""
    bad = ~np.isfinite(came)
    if not bad.any() or not np.all(np.isfinite(right)):
        return None
    what = "nan" if np.isnan(came).any() else "inf"
    large = [
        (argument, float(np.max(np.abs(x))))
        for argument, x in zip(arguments, inputs, strict=True)
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size and np.max(np.abs(x)) > 30
    ]
    if large:
        argument, most = max(large, key=lambda pair: pair[1])
        why = (
            f"{argument} reaches ±{most:.0f} here, and beyond 709 e^x is inf, far below 0 it is 0, and ln 0 is −inf; "
            "take the largest number of the row out of the exponential first, and never the logarithm of a "
            "probability that may have become 0 or 1"
        )
    elif what == "nan":
        why = "0/0, inf − inf, or the logarithm or root of a negative number gives nan; which of them can happen here"
    else:
        why = "a division by 0 or the logarithm of 0 gives inf; which of them can happen here"
    return f"{name} has {what}: {why}"


def whole_numbers(name, came, right, inputs, arguments):
    """Whole numbers where they are not: zeros were made like an array of integers."""
    cut = came.dtype.kind in "iu" and right.dtype.kind == "f" and np.array_equal(came, np.trunc(right))
    if cut and not np.array_equal(right, np.round(right)):
        return f"{name} has been cut to whole numbers ({came.dtype}); make its array with floats"
    return None


def an_argument(name, came, right, inputs, arguments):
    """An argument that was handed back."""
    for argument, x in zip(arguments, inputs, strict=True):
        if isinstance(x, np.ndarray) and x.size > 1 and np.array_equal(came, x) and came.shape == right.shape:
            return f"{name} is {argument} as it came in; nothing has been done to it"
    return None


def other_shape(name, came, right, inputs, arguments):
    """The right numbers in a wrong shape, a sum or mean that is missing, or the origin of a wrong size."""
    if came.shape == right.shape:
        return None
    if came.size == right.size and close(came.ravel(), right.ravel()):
        if squeezed(came.shape) == squeezed(right.shape):
            return (
                f"{name} has the right numbers, but an axis of size 1 too many or too few: {came.shape} where "
                f"{right.shape} belongs; see keepdims, and x[:, 0] against x[:, :1]"
            )
        return f"{name} has the right numbers in a wrong shape: {came.shape} where {right.shape} belongs; reshape it"
    if came.T.shape == right.shape and close(came.T, right):
        return f"{name} is transposed: {came.shape} where {right.shape} belongs"
    for word, reduce in (("sum", np.sum), ("mean", np.mean), ("smallest", np.min), ("largest", np.max)):
        for axis in (*range(came.ndim), None):
            if came.size and close(reduce(came, axis=axis), right):
                over = "of all its numbers" if axis is None or came.ndim == 1 else f"over axis {axis}"
                return f"{name} has one step left: take the {word} {over}, from {came.shape} to {right.shape}"
    if came.ndim != right.ndim:
        return (
            f"{name} has {dimensions(came.ndim)}, the shape {came.shape}, where {right.shape} belongs; which axis is "
            "summed too often or never"
        )
    origins = [
        f"axis {axis} has {a} ({origin_of(a, inputs, arguments)}), where {b} belongs "
        f"({origin_of(b, inputs, arguments)})"
        for axis, (a, b) in enumerate(zip(came.shape, right.shape, strict=True))
        if a != b
    ]
    return f"{name} has a wrong size: {'; '.join(origins)}"


def a_factor(name, came, right, inputs, arguments):
    """A constant factor, where it has a name."""
    ratio = constant_factor(came, right)
    if ratio is None:
        return None
    for factor, words in factors(inputs, arguments):
        if abs(ratio / factor - 1) < CLOSE:
            return f"{name} is {words}"
    return None


def factors(inputs, arguments):
    """Yield (factor, words) for every factor that has a name, the simplest first."""
    yield -1, "the negative of what it should be; the sign is flipped"
    yield 2, "2 times what it should be: a ½ is missing"
    yield 0.5, "½ of what it should be: a ½ too many, or a mean of two parts where their sum belongs"
    yield -2, "−2 times what it should be: a ½ is missing, and the sign is flipped"
    yield -0.5, "−½ times what it should be: a ½ too many, and the sign is flipped"
    sizes = {}
    for argument, x in zip(arguments, inputs, strict=True):
        for axis, size in enumerate(getattr(x, "shape", ())):
            if size > 1:
                sizes.setdefault(int(size), what_axis(argument, axis, x.ndim))
    for size, what in sizes.items():
        yield size, f"{size} times what it should be, and {size} is {what}: a sum where a mean belongs"
        yield 1 / size, f"1/{size} of what it should be, and {size} is {what}: a mean where a sum belongs"
        yield -size, f"−{size} times what it should be, and {size} is {what}: a sum for a mean, and the sign is flipped"
        yield -1 / size, f"−1/{size} of what it should be, and {size} is {what}: a mean for a sum, with a flipped sign"
    for (a, what_a), (b, what_b) in itertools.permutations(sizes.items(), 2):
        yield a / b, f"{a}/{b} of what it should be: divided by {b}, {what_b}, in place of {a}, {what_a}"
        if a < b:
            both = f"{a}·{b}, {what_a} times {what_b}"
            yield a * b, f"{a * b} times what it should be: a sum where a mean over {both} belongs"
            yield 1 / (a * b), f"1/{a * b} of what it should be: a mean over {both} where a sum belongs"
            yield a + b, f"{a + b} times what it should be: it is not divided by {a} + {b}, {what_a} and {what_b}"
    yield 1 / math.log(2), "1/ln 2 times what it should be: the logarithm has base 2, the natural one belongs there"
    yield math.log(2), "ln 2 times what it should be; where is a logarithm too many"
    yield 100, "100 times what it should be: per cent where a share belongs"
    for argument, x in zip(arguments, inputs, strict=True):
        if np.ndim(x) == 0 and np.isfinite(x) and x not in (0, 1):
            yield float(x), f"{argument} times what it should be: the factor {argument} is one too many"
            yield 1 / float(x), f"1/{argument} of what it should be: a factor {argument} is missing"
            if 0 < x < 1:
                yield 1 - float(x), f"(1 − {argument}) times what it should be: that factor is one too many"
                yield (
                    1 / (1 - float(x)),
                    f"1/(1 − {argument}) of what it should be: the factor 1 − {argument} is missing",
                )


def constant_factor(a, b):
    """Return c where a = c·b within rounding and c is not 0, else None."""
    if a.shape != b.shape or not np.any(b) or not np.all(np.isfinite(a)):
        return None
    a = a * 1.0
    factor = float(np.sum(a * b) / np.sum(b * b))
    return factor if factor and close(a, factor * b) else None


# Outputs among themselves ---------------------------------------------------------------------------------------------


def order_of(names, came, right, equal):
    """Return in words that the outputs came in another order, told by their values or else their shapes, or None."""
    if len(names) < 2 or any(x.dtype.kind not in NUMBERS for x in came):
        return None
    expected = ", ".join(names)
    for order in itertools.permutations(range(len(names))):
        if order != tuple(range(len(names))) and all(equal(came[k], right[j]) for k, j in enumerate(order)):
            return f"the order of the outputs; {', '.join(names[j] for j in order)} came, expected {expected}"
    order = other_order(names, came, right)
    return order and f"the order of the outputs; by their shapes {', '.join(order)} came, expected {expected}"


def other_order(names, came, right):
    """Return the names of the outputs in the order in which they came, or None where the shapes do not tell."""
    by_shape = {x.shape: name for name, x in zip(names, right, strict=True)}
    shapes = [x.shape for x in came]
    if len(by_shape) < len(names) or set(shapes) != set(by_shape) or any(x.dtype.kind not in NUMBERS for x in came):
        return None
    if all(shape in (x.shape, x.shape[::-1]) for shape, x in zip(shapes, right, strict=True)):
        return None  # in order, or each of them may be transposed
    return [by_shape[shape] for shape in shapes]


# Arrays ---------------------------------------------------------------------------------------------------------------


def close(a, b):
    """Whether two arrays of one shape are equal within rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.size == 0 or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return False
    return bool(np.max(np.abs(a * 1.0 - b)) <= CLOSE * np.max(np.abs(b)))


def squeezed(shape):
    return tuple(size for size in shape if size != 1)


def dimensions(count):
    return "1 dimension" if count == 1 else f"{count} dimensions"


def what_axis(argument, axis, ndim):
    """Return in words what the size of an axis counts."""
    if ndim == 1:
        return f"the length of {argument}"
    if ndim == 2:
        return f"the number of {('rows', 'columns')[axis]} of {argument}"
    return f"the size of axis {axis} of {argument}"


def origin_of(size, inputs, arguments):
    """Return in words which size of the inputs a number is."""
    for argument, x in zip(arguments, inputs, strict=True):
        if np.ndim(x) == 0 and isinstance(x, (int, np.integer)) and x == size:
            return argument
        for axis, other in enumerate(getattr(x, "shape", ())):
            if other == size:
                return what_axis(argument, axis, x.ndim)
    return "no size of the arguments"


def worst(came, right):
    """Return, in a list of at most one line, where two arrays of more than four numbers differ most."""
    if came.shape != right.shape or came.size <= 4 or came.dtype.kind not in NUMBERS:
        return []
    with np.errstate(all="ignore"):
        apart = np.nan_to_num(np.abs(came * 1.0 - right), nan=np.inf)
    index = tuple(map(int, np.unravel_index(np.argmax(apart), apart.shape)))
    return [f"    they differ most at {list(index)}: expected {right[index]:.6g}, but came {came[index]:.6g}"]


def shown(x):
    """Return an array as one short line."""
    if x.ndim == 0 and x[()] is None:
        return "nothing (None)"
    if x.dtype.kind not in NUMBERS:
        return f"something that is no array of numbers ({x.dtype})"
    values = np.array2string(x.ravel()[:4], precision=4, separator=", ")
    return f"shape {x.shape}, {values[:-1]}, …]" if x.size > 4 else f"shape {x.shape}, {values}"
