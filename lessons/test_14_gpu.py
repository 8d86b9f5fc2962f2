"""Checks of lesson 14."""

import numpy as np

from lessons import lesson_14_gpu as lesson
from lessons.checking import Exercise, changed, checks_of, scaled

M_0, M_1, WORD = 0xD2511F53, 0xCD9E8D57, 2**32


def network(rng):
    return rng.permutation(np.arange(2, 30))[: rng.integers(3, 7)], int(rng.integers(2, 50))


def layer_by_layer(sizes, n):
    forward = backward = 0
    for k in range(len(sizes) - 1):
        weights = int(sizes[k]) * int(sizes[k + 1])
        forward += 2 * n * weights
        backward += 2 * n * weights * (1 if k == 0 else 2)
    return forward, backward


def with_every_dx(sizes, n):
    """Another term: somebody before the network learns, and wants dx of its first layer."""
    forward, _ = layer_by_layer(sizes, n)
    return forward, 2 * forward


def machine(rng):
    k = rng.integers(4, 9)
    flops, moved = 10.0 ** rng.uniform(5, 9, k), 10.0 ** rng.uniform(4, 7, k)
    f, w = 10.0 ** rng.uniform(10, 12), 10.0 ** rng.uniform(9, 11)
    flops[0], moved[0] = 100 * moved[0] * f / w, moved[0]  # one of each kind
    moved[1] = 100 * flops[1] * w / f
    return flops, moved, f, w


def slower_of_two(flops, moved, flops_per_second, bytes_per_second):
    rows = [(a / flops_per_second, b / bytes_per_second, a / b) for a, b in zip(flops, moved, strict=True)]
    return np.array([row[0] if row[0] > row[1] else row[1] for row in rows]), np.array([row[2] for row in rows])


def one_after_the_other(flops, moved, flops_per_second, bytes_per_second):
    """Another term: a machine that cannot compute while it moves bytes."""
    seconds = [a / flops_per_second + b / bytes_per_second for a, b in zip(flops, moved, strict=True)]
    return np.array(seconds), flops / moved


def words(rng):
    return rng.integers(0, WORD, (rng.integers(2, 9), 4), np.uint32), rng.integers(0, WORD, 2, np.uint32)


def in_whole_numbers(counter, key):
    rows = []
    for row in counter.tolist():
        (high_0, low_0), (high_2, low_2) = divmod(M_0 * row[0], WORD), divmod(M_1 * row[2], WORD)
        rows.append([high_2 ^ row[1] ^ int(key[0]), low_2, high_0 ^ row[3] ^ int(key[1]), low_0])
    return np.array(rows, np.uint32)


def keys_exchanged(counter, key):
    """Another term: the two words of the key change places."""
    return in_whole_numbers(counter, key[::-1])


EXERCISES = [
    Exercise(
        "14.1", "operations", ("forward", "backward"), network, layer_by_layer, variants={"every-dx": with_every_dx},
        mistakes=[
            changed("backward", lambda b, inputs: 2 * layer_by_layer(*inputs)[0], "the first layer needs no dx"),
            changed("backward", lambda b, inputs: layer_by_layer(*inputs)[0], "backward has two products a layer"),
            scaled("forward", lambda inputs: 0.5, "an addition goes with each multiplication"),
        ],
        hints=(
            "Count the products: one a layer on the way there, two on the way back.",
            "sizes (L + 1,) makes L pairs of neighbours; both results are single numbers.",
            "forward Σ 2·n·s_k·s_(k+1); backward twice that, less one product of the first layer",
        ),
    ),
    Exercise(
        "14.2", "roofline", ("seconds", "intensity"), machine, slower_of_two, variants={"in-turn": one_after_the_other},
        mistakes=[
            changed("seconds", lambda s, inputs: inputs[0] / inputs[2], "moving the bytes takes time, too"),
            changed("seconds", lambda s, inputs: inputs[1] / inputs[3], "the arithmetic takes time, too"),
            changed("intensity", lambda i, inputs: 1 / i, "that is bytes for an operation, the other way round"),
        ],
        hints=(
            "Two limits hold at once; the slower one decides.",
            "Everything is elementwise over the operations (k,).",
            "max(operations / f, bytes / w);  operations / bytes",
        ),
    ),
    Exercise(
        "14.3", "philox_round", ("scrambled",), words, in_whole_numbers, points=2, tolerance=0,
        variants={"keys-exchanged": keys_exchanged},
        mistakes=[
            changed("scrambled", lambda s, inputs: keys_exchanged(*inputs), "k₀ and k₁ are exchanged"),
            changed("scrambled", lambda s, inputs: s[:, [2, 3, 0, 1]], "the two halves of the counter are exchanged"),
            changed("scrambled", lambda s, inputs: in_whole_numbers(inputs[0], 0 * inputs[1]), "the key is not used"),
        ],
        hints=(
            "Two products, each cut into an upper and a lower half; the halves change places and meet old words.",
            "All columns are (n,) uint32; only the two products need uint64 on the way.",
            "[hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀)]",
        ),
    ),
]  # fmt: skip

test_exercise = checks_of(lesson, EXERCISES)
