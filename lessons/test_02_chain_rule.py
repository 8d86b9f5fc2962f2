"""Checks of lesson 2."""

import math

import numpy as np

from lessons import lesson_02_chain_rule as lesson
from lessons.checking import Exercise, Mistake, changed, checks_of, instead, numerical, scaled, transposed


def sizes(rng, count):
    return rng.permutation(np.arange(2, 8))[:count]  # all different, so that a missing transpose cannot pass


# 2.1: b is what comes out for x = 0, and row i of W what the i-th unit vector adds to it


def two_layers(rng):
    d, h, o = sizes(rng, 3)
    return rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=(h, o)), rng.normal(size=o)


def by_unit_vectors(W1, b1, W2, b2):
    def both(x):
        hidden = [sum(a * w for a, w in zip(x, column, strict=True)) + c for column, c in zip(W1.T, b1, strict=True)]
        return [sum(a * w for a, w in zip(hidden, column, strict=True)) + c for column, c in zip(W2.T, b2, strict=True)]

    b = np.array(both(np.zeros(len(W1))))
    return np.array([both(unit) for unit in np.eye(len(W1))]) - b, b


# 2.2: slopes by differences, away from 0


def both_signs(rng):
    n, d = sizes(rng, 2)
    x = rng.uniform(0.1, 3, n * d) * rng.choice([-1, 1], n * d)
    x[:2] = 1.0, -1.0
    return [rng.permutation(x).reshape(n, d)]


def with_zeros(rng):
    (x,) = both_signs(rng)
    x.ravel()[rng.permutation(x.size)[:2]] = 0.0
    return [x]


def relu_with_slope(x):
    y, slope = with_slope(lambda v: v if v > 0 else 0.0)(x)
    return y, np.array([s if v else 0.0 for s, v in zip(slope.ravel(), x.ravel(), strict=True)]).reshape(x.shape)


def with_slope(of_one_number):
    def answer(x):
        y = np.array([of_one_number(v) for v in x.ravel()]).reshape(x.shape)
        return y, numerical(lambda x: sum(of_one_number(v) for v in x.ravel()), x)

    return answer


# 2.3: near u the activation is a straight line with this slope, so differences need not know which one it is


def one_bend(rng):
    n, d, m, o = sizes(rng, 4)
    slope, h = rng.uniform(0.1, 0.9, size=(n, m)), rng.normal(size=(n, m))
    return rng.normal(size=(n, o)), rng.normal(size=(n, d)), slope, h, rng.normal(size=(d, m)), rng.normal(size=(m, o))


def stack_by_differences(dy, x, slope, h, W1, W2):
    def loss(x_=x, W1_=W1, b1=0.0, W2_=W2, b2=0.0):
        moved = np.einsum("nd,dm->nm", x_, W1_) - np.einsum("nd,dm->nm", x, W1) + b1
        return np.sum(dy * (np.einsum("nm,mo->no", h + slope * moved, W2_) + b2))

    return (
        numerical(lambda a: loss(x_=a), x),
        numerical(lambda a: loss(W1_=a), W1),
        numerical(lambda a: loss(b1=a), np.zeros(W1.shape[1])),
        numerical(lambda a: loss(W2_=a), W2),
        numerical(lambda a: loss(b2=a), np.zeros(W2.shape[1])),
    )


def with_another_slope(slope_of):
    """Return the wrong outcome where `slope_of(*inputs)` stands for the slope."""

    def of(right, inputs):
        dy, x, _, h, W1, W2 = inputs
        return dict(zip(right, stack_by_differences(dy, x, slope_of(*inputs), h, W1, W2), strict=True))

    return of


without_slope = with_another_slope(lambda dy, x, slope, h, W1, W2: np.ones_like(slope))


def positive_dh(dy, x, slope, h, W1, W2):
    return np.einsum("no,mo->nm", dy, W2) > 0


def dW2_from(read):
    return lambda *inputs: np.einsum("nm,no->mo", read(*inputs), inputs[0])


# 2.4


def probabilities(rng):
    n, k = sizes(rng, 2)
    y = rng.uniform(0.2, 1, size=(n, k))
    return rng.normal(size=(n, k)), y / y.sum(axis=1, keepdims=True)


def softmax_by_differences(dy, y):
    def loss(x):
        total = 0.0
        for row, weights in zip(x, dy, strict=True):
            powers = [math.exp(v) for v in row]
            total += sum(w * p for w, p in zip(weights, powers, strict=True)) / sum(powers)
        return total

    return numerical(loss, np.log(y))


def softmax_of(y):
    e = np.exp(y)
    return e / np.sum(e, axis=1, keepdims=True)


def row_sums(x):
    return np.sum(x, axis=1, keepdims=True)


def over_the_batch(dx, inputs):
    dy, y = inputs
    each = dy - dx / y  # the sum of each row, in every column
    return dx - y * (np.sum(each, axis=0) - each)


EXERCISES = [
    Exercise(
        "2.1", "collapse", ("W", "b"), two_layers, by_unit_vectors,
        mistakes=[
            transposed("W"),
            changed("b", lambda b, inputs: b - inputs[3], "b2 is not in it"),
            changed("b", lambda b, inputs: inputs[3], "b1 is lost; it goes through the second layer, too"),
        ],
        hints=(
            "Put the formula for h into the formula for y, and multiply out.",
            "W must be (d, o): (d, m) times (m, o). b must be (o,): b1 (m,) needs W2 (m, o) to get there.",
            "y = (xW1 + b1)W2 + b2 = x(W1·W2) + (b1·W2 + b2)",
        ),
    ),
    Exercise(
        "2.2", "activation", ("y", "slope"), both_signs, relu_with_slope, edge=with_zeros,
        mistakes=[
            changed("slope", lambda slope, inputs: np.ones_like(slope), "the slope is 1 everywhere: nothing bends"),
            changed("slope", lambda slope, inputs: 1 - slope, "the slope is that of the mirror image, x for −x"),
            changed("y", lambda y, inputs: inputs[0], "y is x: nothing bends"),
            changed("y", lambda y, inputs: np.abs(inputs[0]), "y is |x|; negative inputs should not come back up"),
            Mistake("a hundredth of each negative input leaks through, as in a leaky ReLU; ours gives 0 there",
                    lambda right, inputs: {"y": np.where(inputs[0] > 0, inputs[0], inputs[0] / 100),
                                           "slope": np.where(inputs[0] > 0, 1, 0.01)}),
            changed("slope", lambda slope, inputs: slope + (inputs[0] == 0),
                    "the slope at x = 0 is 1; it is 1 where x > 0 and 0 elsewhere, so also at 0", at_edge=True),
        ],
        hints=(
            "Both are functions of one number. Draw y over x, then draw how steep it is.",
            "y and slope have the shape of x; NumPy compares and computes element by element.",
            "y = x and slope 1 where x > 0, else 0 and 0",
        ),
        variants={
            "softplus": with_slope(lambda v: math.log1p(math.exp(v))),
            "swish": with_slope(lambda v: v / (1 + math.exp(-v))),
        },
    ),
    Exercise(
        "2.3", "stack_backward", ("dx", "dW1", "db1", "dW2", "db2"), one_bend, stack_by_differences, points=3,
        mistakes=[
            Mistake("dW1 leaves out the slope of the activation",
                    lambda right, inputs: {"dW1": without_slope(right, inputs)["dW1"]}),
            Mistake("dx leaves out the slope of the activation",
                    lambda right, inputs: {"dx": without_slope(right, inputs)["dx"]}),
            Mistake("the gradient is not multiplied by the slope of the activation on its way down", without_slope),
            Mistake("dh is multiplied by h; the slope of the activation belongs there",
                    with_another_slope(lambda dy, x, slope, h, W1, W2: h)),
            Mistake("the slope is made from h > 0; it is given, and its activation need not be a ReLU",
                    with_another_slope(lambda dy, x, slope, h, W1, W2: h > 0)),
            Mistake("the mask is made from dh; it belongs to what the activation has read",
                    with_another_slope(positive_dh)),
            instead("dW2", dW2_from(lambda dy, x, slope, h, W1, W2: slope),
                    "dW2 is made with the slope; the second layer has read h"),
            instead("dW2", dW2_from(lambda dy, x, slope, h, W1, W2: h * slope),
                    "dW2 has the slope in it; the activation lies below the second layer"),
            instead("dW2", dW2_from(lambda dy, x, slope, h, W1, W2: x),
                    "dW2 is made with x; the second layer has read h"),
            transposed("dW1"),
            transposed("dW2"),
            scaled("db1", lambda inputs: 1 / len(inputs[0]), "db1 is a mean over the batch where it should be a sum"),
            scaled("dW2", lambda inputs: 1 / len(inputs[0]), "dW2 is averaged over the batch; the loss does that"),
        ],
        hints=(
            "Three steps down: linear, activation, linear. Each needs only the gradient above it and its own input.",
            "dh and du are (n, m). The linear backward of lesson 1 fits twice: with h (n, m), W2, and with x, W1.",
            "dh = dy·W2ᵀ;  du = dh ∘ slope, element by element;  dW1 = xᵀ·du, dW2 = hᵀ·dy;  db = Σ over rows",
        ),
    ),
    Exercise(
        "2.4", "softmax_backward", ("dx",), probabilities, softmax_by_differences, points=2,
        mistakes=[
            changed("dx", lambda dx, inputs: inputs[0] * inputs[1] * (1 - inputs[1]),
                    "dx is dy·y(1 − y), as if each output depended on its own score alone"),
            changed("dx", lambda dx, inputs: inputs[0] * inputs[1],
                    "dx is dy·y: what every score takes from the others is missing"),
            changed("dx", over_the_batch, "the sum runs over the whole batch; each row is a softmax of its own"),
            instead("dx", lambda dy, y: y * (dy - np.sum(dy * y, axis=0)),
                    "the sum runs down the columns (axis 0); each row (axis 1) is a softmax of its own"),
            instead("dx", lambda dy, y: y * (dy - row_sums(dy)),
                    "the sum is over dy alone; each dy_j in it has the weight y_j"),
            instead("dx", lambda dy, y: softmax_of(y) * (dy - row_sums(dy * softmax_of(y))),
                    "the softmax is taken of y once more; y is its outcome already"),
            instead("dx", lambda dy, y: dy * y - row_sums(dy * y * y),
                    "the sum has y_j² in it; the y in front belongs to i and is not summed"),
            instead("dx", lambda dy, y: dy - row_sums(dy * y), "the factor y_i in front of the difference is missing"),
        ],
        hints=(
            "Score i lifts its own probability, and lowers all others of its row. Count both.",
            "The sum over j of dy_j·y_j is one number a row: (n, 1), so that it can be taken from dy (n, k).",
            "dx_i = Σ_j dy_j·y_j·(δ_ji − y_i) = y_i·(dy_i − Σ_j dy_j·y_j)",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
