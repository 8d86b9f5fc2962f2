"""Inputs that the student's copy does not have, for the hidden checks of a course.

Number -> a function like `Exercise.inputs`, for the edges: a batch of one, large logits, ties, columns that are all
equal, zero counts. Its docstring is what a student reads of the case. A hidden check has usual inputs, too, from a seed
of the grader's.
"""

import numpy as np

# Lesson 1 to 3


def one_image(rng):
    """one image, the smallest batch, where a mean over it or a dropped axis shows"""
    return rng.normal(size=(1, 5)), rng.normal(size=(5, 3)), rng.normal(size=3)


def one_image_back(rng):
    """one image, the smallest batch"""
    return rng.normal(size=(1, 3)), rng.normal(size=(1, 5)), rng.normal(size=(5, 3))


def large_gradients(rng):
    """gradients around 1000, of which ours are 1 % too large"""
    middle, gradient = rng.normal(size=40), 1000 * rng.normal(size=40)
    return middle + 1e-3 * gradient, middle - 1e-3 * gradient, 1e-3, gradient * 1.01


def one_image_through_two_layers(rng):
    """one image, the smallest batch"""
    n, d, m, o = 1, 4, 3, 2
    slope, h = rng.uniform(0.1, 0.9, size=(n, m)), rng.normal(size=(n, m))
    return rng.normal(size=(n, o)), rng.normal(size=(n, d)), slope, h, rng.normal(size=(d, m)), rng.normal(size=(m, o))


def quite_sure(rng):
    """probabilities of which one in each row is almost 1"""
    y = np.full((4, 3), 1e-9)
    y[np.arange(4), rng.integers(0, 3, 4)] = 1 - 2e-9
    y[0] = 0.2, 0.3, 0.5
    return rng.normal(size=(4, 3)), y


def one_example_far_below(rng):
    """one example, whose scores are around −2000 and far apart, so that every e^score is 0 on a computer"""
    scores = rng.normal(size=(1, 4)) - 2000
    scores[:, 1] += 900
    target = rng.uniform(0.1, 1, size=(1, 4))
    return scores, target / target.sum(axis=1, keepdims=True)


def at_rest(rng):
    """a velocity of 0, as at the first step"""
    w, dw = rng.normal(size=(2, 5))
    return w, dw, np.zeros(5), 0.1, 0.9


def nothing_moves_yet(rng):
    """the first step, averages of 0, most gradients 0 (0/0 without the epsilon) and one tiny"""
    w, dw = rng.normal(size=7), np.zeros(7)
    dw[rng.integers(1, 7)], dw[0] = rng.normal(), 1e-7
    return w, dw, np.zeros(7), np.zeros(7), 1, 0.01, 0.9, 0.999, 1e-8


# Lesson 4 to 6


def one_picture(rng):
    """one image, the smallest batch"""
    return rng.uniform(size=(1, 6)), rng.uniform(size=(1, 6))


def one_spoiled_picture(rng):
    """one image, the smallest batch"""
    return rng.normal(size=(1, 6)), rng.normal(size=(1, 6)), rng.normal(size=(6, 2)), rng.normal(size=(2, 6))


def at_a_code(rng):
    """probes of which some are codes: their distance is 0, and the root of a rounded −0 is not a number"""
    codes = rng.normal(size=(30, 5)) * 3
    return np.concatenate([codes[:12], rng.normal(size=(2, 5))]), codes


def both_ends_alone(rng):
    """two steps, so that only both ends come"""
    return rng.normal(size=3), rng.normal(size=3), 2


def one_wide_cloud(rng):
    """one image, with variances from almost 0 to 4"""
    return rng.normal(size=(1, 3)), np.array([[-6.0, 0.0, 1.5]]), rng.normal(size=(1, 3))


def divergence_of_one(rng):
    """one image, with variances from almost 0 to 4"""
    return rng.normal(size=(1, 3)), np.array([[-6.0, 0.0, 1.5]])


def clouds_at_one_place(rng):
    """a column in which all means are equal, so that its whole variance is within"""
    mean = rng.normal(size=(6, 3))
    mean[:, 1] = 2
    return mean, rng.uniform(-4, 0, size=(6, 3))


def certain(rng):
    """one real sample, and logits of ±800, whose e^x overflows"""
    fake = rng.normal(size=(4, 1))
    fake[1:3] = [[-800], [800]]
    return np.array([[-800.0]]), fake


def certain_fakes(rng):
    """logits of ±800, whose e^x overflows"""
    return (np.array([[-800.0], [800.0], [0.5]]) + rng.normal(size=(3, 1)),)


def one_game(rng):
    """one game, the smallest array"""
    return rng.uniform(1, 2, 1), rng.uniform(-2, -1, 1), 0.3


def alike(rng):
    """two equal distributions, the end of the game"""
    p = rng.uniform(0.2, 1, size=5)
    return p / p.sum(), p / p.sum()


# Lesson 7 to 9


def one_code_and_one_dimension_off(rng):
    """one code far out, and a bag that follows the prior in all dimensions but one"""
    return rng.normal(size=(1, 4)) * 50, np.zeros(4), np.array([1.0, 0.5, 1.0, 1.0])


def one_code(rng):
    """one code, the smallest batch"""
    return rng.normal(size=(1, 2)), rng.normal(size=(2, 9)), rng.normal(size=9), rng.normal(size=9), rng.normal()


def networks_of_one_weight(rng):
    """networks of one weight each"""
    return rng.normal(size=3), rng.normal(size=(3, 3)), np.array([1, 1, 1]), 0.3


def one_petal_drawn(rng):
    """one sample, the smallest batch"""
    return np.array([2]), rng.normal(size=(1, 2)), 3, 2.0, 0.5, 0.1


def far_from_all_petals(rng):
    """a point so far out that e to the power of every exponent is 0"""
    return rng.normal(size=(1, 2)) + 500, 4, 1.5, 0.5, 0.1


def the_ends_of_the_roll(rng):
    """the first and the last label, at both ends of the roll"""
    return np.array([0, 4]), np.array([0.0, 0.999]), rng.normal(size=(2, 2)), 5, 3.0, 0.1


def shape_of_one(rng):
    """one sample of one number"""
    return rng.uniform(0.01, 0.99, size=(1, 1, 4)), 2.0


def none_known(rng):
    """no known label, and some that are 0"""
    return np.array([0, 1, 2, 0]), np.zeros(4, bool), np.array([2, 0, 0, 1]), 3


def one_image_three_codes(rng):
    """one image, the smallest batch"""
    return (
        rng.normal(size=(1, 4)), rng.normal(size=(1, 2)), rng.normal(size=(1, 3)),
        rng.normal(size=(4, 2)), rng.normal(size=(4, 2)) / 2, rng.normal(size=(3, 2)),
    )  # fmt: skip


def some_noise_is_zero(rng):
    """noise of which some is 0, so that nothing may be divided by it"""
    epsilon = rng.normal(size=(5, 2))
    epsilon[:2] = 0
    return rng.normal(size=(5, 2)), rng.normal(size=(5, 3)), epsilon, rng.normal(size=(3, 2)), rng.normal(size=(3, 2))


def one_number(rng):
    """one image and a code of one number"""
    return (rng.normal(size=1) * np.ones((1, 1)), rng.normal(size=(1, 4)), rng.normal(size=(1, 2)),
            rng.normal(size=(4, 1)) / 2, rng.normal(size=(2, 1)) / 2)  # fmt: skip


def two_draws(rng):
    """two draws for each image, far apart"""
    return (rng.normal(size=(2, 2, 1)) + np.array([[3.0], [-3.0]]),)


# Lesson 10 and 11


def the_last_classes_do_not_occur(rng):
    """labels among which the last classes do not occur"""
    return np.array([0, 2, 0]), rng.normal(size=(3, 2)), 6


def one_label_for_all(rng):
    """one label for all rows"""
    return rng.normal(size=(5, 3)), np.full(5, 2), rng.normal(size=(5, 2)), rng.normal(size=(6, 3))


def one_style(rng):
    """one style"""
    return rng.normal(size=(1, 3)), 4


def one_of_each_class(rng):
    """one image of each class"""
    z = 5 * rng.normal(size=(4, 3))
    return z, np.array([3, 1, 0, 2]), z[:3] + rng.normal(size=(3, 3)) / 10, np.array([3, 1, 1]), 4


def logits_far_apart(rng):
    """logits in the thousands, far apart, and a style of one dimension"""
    h = rng.normal(size=(4, 7))
    h[0, :6] += 5000
    h[2, :6] -= 2000
    h[3, 4] -= 1500
    return h, 6, rng.normal(size=(4, 6)), rng.normal(size=(4, 6)), rng.normal(size=(4, 1))


def one_is_known(rng):
    """labels of which one is known"""
    labels = np.full(6, -1)
    labels[4] = 2
    return rng.normal(size=(6, 4)), labels


def one_row(rng):
    """one row, the smallest batch"""
    return (rng.dirichlet(np.ones(5), 1),)


def just_enough(rng):
    """just enough images, which stand in the file class by class"""
    return np.repeat([0, 1, 2], 4), rng.permutation(12), 4, 3


# Lesson 12 to 15


def fewer_images_than_clusters(rng):
    """fewer images than clusters, so that one image names several"""
    return rng.dirichlet(np.ones(6), 2), np.array([3, 7])


def two_heads_on_a_line(rng):
    """two heads on a line"""
    return np.array([[1.0], [2.5]]) + rng.normal(size=1), 4.0


def as_many_heads_as_dimensions(rng):
    """as many heads as dimensions"""
    return (rng.normal(size=(4, 4)) + 3 * np.eye(4),)


def one_far_sample(rng):
    """one sample, very far away"""
    return rng.uniform(1e4, 1e5, size=(3, 1)), 0.05, 784


def two_seeds(rng):
    """two runs, the smallest number with a deviation"""
    return (rng.uniform(0.01, 0.1, size=2),)


def empty_clusters_and_classes(rng):
    """counts with an empty cluster and an empty class"""
    counts = rng.integers(1, 9, size=(4, 5))
    counts[:, 2] = 0
    counts[3] = 0
    counts[0, 0] = 20
    return (counts,)


def wide_and_shallow(rng):
    """layers so wide that the operations do not fit in 32 bits"""
    return np.array([50_000, 40_000]), 1000


def one_at_the_ridge(rng):
    """an operation for which both limits take the same time"""
    return np.array([8e6]), np.array([2e6]), 4e9, 1e9


def all_bits_set(rng):
    """a counter in which all bits are set"""
    return np.full((1, 4), 2**32 - 1, np.uint32), np.array([2**32 - 1, rng.integers(2**32)], np.uint32)


def fewer_rows_than_ranks(rng):
    """fewer rows than ranks"""
    return 3, 5


def one_rank_without_rows(rng):
    """a rank without rows"""
    return rng.normal(size=(3, 4)), np.array([5, 0, 2])


def one_rank_and_a_constant_column(rng):
    """one rank, and a column that is constant"""
    x = rng.normal(size=(6, 3))
    x[:, 1] = 0.5
    return x.sum(axis=0, keepdims=True), (x**2).sum(axis=0, keepdims=True), np.array([6])


def one_rank_alone(rng):
    """a rank alone, which sends nothing, beside others"""
    return np.array([1, 2, 1000]), 0.1, 4e7, 1e9, 1e-4


# Lesson 16: one row, one known label, one sample; networks of one hidden unit


def small_network(rng, d_in, d_out, hidden=1):
    w = rng.normal(size=(d_in + 1) * hidden + (hidden + 1) * d_out)
    w[d_in * hidden : (d_in + 1) * hidden] += 9  # the unit is on
    return w


def one_image_rebuilt(rng):
    """one image, and one hidden unit"""
    x, noise = rng.normal(size=(2, 1, 4))
    return x, noise, small_network(rng, 4, 5), small_network(rng, 5, 4), 3, 1


def one_against_many(rng):
    """one real row against six made ones"""
    return rng.normal(size=(1, 3)), rng.normal(size=(6, 3)), small_network(rng, 3, 1), 1


def one_image_plays(rng):
    """one image, and one hidden unit in every network"""
    networks = small_network(rng, 4, 5), small_network(rng, 3, 1), small_network(rng, 5, 1)
    return rng.normal(size=(1, 4)), *networks, 3, 1


def one_label_in_a_batch(rng):
    """five images, of which one has a label"""
    return rng.normal(size=(5, 4)), np.array([-1, -1, 2, -1, -1]), small_network(rng, 4, 5), 3, 1


def one_sample(rng):
    """one sample, whose nearest image is the last"""
    images = 3 * rng.normal(size=(4, 3))
    return images[3:] + 0.001, np.array([7]), images, np.array([2, 7, 2, 7])


HIDDEN = {
    "1.1": one_image, "1.2": one_image_back, "1.3": large_gradients,
    "2.3": one_image_through_two_layers, "2.4": quite_sure,
    "3.1": one_example_far_below, "3.2": at_rest, "3.3": nothing_moves_yet,
    "4.1": one_picture, "4.2": one_spoiled_picture, "4.3": at_a_code, "4.4": both_ends_alone,
    "5.1": one_wide_cloud, "5.3": divergence_of_one, "5.4": clouds_at_one_place,
    "6.1": certain, "6.2": certain_fakes, "6.3": one_game, "6.4": alike,
    "7.1": one_code_and_one_dimension_off, "7.2": one_code, "7.3": networks_of_one_weight,
    "8.1": one_petal_drawn, "8.2": far_from_all_petals, "8.3": the_ends_of_the_roll, "8.4": shape_of_one,
    "8.5": none_known,
    "9.1": one_image_three_codes, "9.2": some_noise_is_zero, "9.3": one_number, "9.4": two_draws,
    "10.1": the_last_classes_do_not_occur, "10.2": one_label_for_all, "10.3": one_style, "10.4": one_of_each_class,
    "11.1": logits_far_apart, "11.2": one_is_known, "11.3": one_row, "11.4": just_enough,
    "12.1": fewer_images_than_clusters, "12.2": two_heads_on_a_line, "12.3": as_many_heads_as_dimensions,
    "13.1": one_far_sample, "13.2": two_seeds, "13.3": empty_clusters_and_classes,
    "14.1": wide_and_shallow, "14.2": one_at_the_ridge, "14.3": all_bits_set,
    "15.1": fewer_rows_than_ranks, "15.2": one_rank_without_rows, "15.3": one_rank_and_a_constant_column,
    "15.4": one_rank_alone,
    "16.1": one_image_rebuilt, "16.2": one_against_many, "16.3": one_image_plays, "16.4": one_label_in_a_batch,
    "16.5": one_sample,
}  # fmt: skip
