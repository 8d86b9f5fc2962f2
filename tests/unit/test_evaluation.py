"""What `tinyaae.metrics` measures, against small cases worked by hand."""

import itertools
import json
import math

import numpy as np
import pytest
from tiny import tiny_config, tiny_dataset, tiny_model

from tinyaae.config.modes import MODES
from tinyaae.data import unit_interval
from tinyaae.metrics import (
    adjusted_rand_index,
    cluster_report,
    confusion,
    contingency,
    diagnostics,
    error_rate,
    evaluate,
    label_report,
    normalized_mutual_information,
)
from tinyaae.metrics.clustering import best_assignment, majority_names, names_by_most_confident, one_to_one_names
from tinyaae.networks import Code

DATASET = tiny_dataset()
TEST = DATASET.x_test, DATASET.y_test


class Told:
    """Stands for a model: says of every image the code that it was told to say, and reconstructs it as grey."""

    networks = {"Q": None}

    def __init__(self, y, z=None, **config):
        y = np.array(y)
        self.code = Code(y=y, logits=np.log(y), z=np.zeros((len(y), 2)) if z is None else np.array(z))
        self.config = tiny_config(**config)

    def encode_rows(self, images):
        return self.code

    def drawn(self, code):
        return code

    def read_y(self, code, labels):
        return code.y

    def decode_rows(self, z, y):
        return np.full((len(z), 4), 0.5)


SURE = [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]  # images 0 and 1 in class 0, 2 and 3 in 1
BLACK = np.zeros((4, 4), np.uint8)
TRUTH = np.array([0, 1, 1, 1])


# Classification and diagnostics


def test_error_rate_is_the_share_that_differs():
    assert error_rate(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.25


def test_confusion_has_the_truth_in_rows():
    assert confusion(np.array([1, 1, 0]), np.array([0, 0, 2]), 3).tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_contingency_need_not_be_square():
    assert contingency(np.array([0, 1, 1]), np.array([2, 0, 2]), 2, 3).tolist() == [[0, 0, 1], [1, 0, 1]]


def test_validation_error():
    assert diagnostics(Told(SURE), BLACK, TRUTH)["validation_error"] == 0.25


def test_reconstruction_error_is_half_the_squared_sum_an_image():
    assert diagnostics(Told(SURE), BLACK, TRUTH)["reconstruction_error"] == 0.5 * 4 * 0.5**2


def test_reconstruction_error_of_bytes_is_in_pixels_from_0_to_1():
    assert diagnostics(Told(SURE), BLACK + 255, TRUTH)["reconstruction_error"] == 0.5 * 4 * 0.5**2


def test_mean_and_deviation_of_the_codes():
    found = diagnostics(Told(SURE, z=[[1, 1], [1, 1], [3, 3], [3, 3]]), BLACK, TRUTH)
    assert (found["z_mean"], found["z_std"]) == (2, 1)


def test_outputs_that_no_image_chooses_are_dead():
    assert diagnostics(Told(SURE), BLACK, TRUTH)["dead_outputs"] == 1


def test_entropy_of_the_mean_of_y():
    mean = [0.45, 0.45, 0.1]
    expected = -sum(p * math.log(p) for p in mean)
    assert diagnostics(Told(SURE), BLACK, TRUTH)["y_entropy"] == pytest.approx(expected)


def test_entropy_is_ln_k_when_all_outputs_are_used_equally():
    found = diagnostics(Told([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]), BLACK[:3], TRUTH[:3])
    assert found["y_entropy"] == pytest.approx(math.log(3))


def test_outputs_that_are_clusters_are_named_before_they_are_counted():
    found = diagnostics(Told(SURE, mode="clustering", clusters=3), BLACK, np.array([2, 2, 0, 0]))
    assert found["validation_cluster_error"] == 0 and "validation_error" not in found


def test_gan_has_nothing_to_diagnose():
    assert diagnostics(tiny_model("gan"), *TEST) == {}


# The report of a run


VALIDATION = DATASET.x_train[:20], DATASET.y_train[:20]


def test_test_error_is_the_share_of_test_images_classified_wrong():
    model = tiny_model()
    found = evaluate(model, DATASET, VALIDATION)
    assert found["test_error"] == np.mean(model.classify(DATASET.x_test) != DATASET.y_test)


def test_reconstruction_error_is_that_of_the_test_images():
    model = tiny_model("autoencoder")
    difference = model.reconstruct(DATASET.x_test) - unit_interval(DATASET.x_test)
    found = evaluate(model, DATASET, VALIDATION)
    assert found["reconstruction_error"] == pytest.approx(np.mean(np.sum(difference**2, axis=1)) / 2, rel=1e-6)


@pytest.mark.parametrize("mode", [mode for mode in MODES if not tiny_config(mode).y_is_class])
def test_mode_without_classes_has_no_test_error(mode):
    assert evaluate(tiny_model(mode), DATASET, VALIDATION)["test_error"] is None


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_reports_what_it_can_as_plain_json(mode):
    config, found = tiny_config(mode), evaluate(tiny_model(mode), DATASET, VALIDATION)
    assert ("cluster_error" in found) == (mode == "clustering")
    assert ("log_likelihood" in found) == (
        mode != "autoencoder" and (config.decoder_y_dim == 0 or config.condition_on_y)
    )
    assert (found["reconstruction_error"] is None) == (mode == "gan")
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("mode, picked", [("vae", False), ("label-regularized", False), ("aae", True)])
def test_likelihood_of_picked_samples_stands_beside_where_d_can_pick(mode, picked):
    found = evaluate(tiny_model(mode), DATASET, VALIDATION)
    assert ("log_likelihood_resampled" in found) == picked
    assert not picked or found["log_likelihood_resampled"] != found["log_likelihood"]


@pytest.mark.parametrize("mode", ["supervised", "clustering"])
def test_a_y_that_is_judged_with_z_has_a_likelihood_too(mode):
    assert "log_likelihood" in evaluate(tiny_model(mode, condition_on_y=True), DATASET, VALIDATION)


def test_codes_of_a_gaussian_posterior_are_measured_as_d_saw_them():
    model = tiny_model("aae", posterior="gaussian")
    found = diagnostics(model, *VALIDATION)
    z = model.sample_posterior(VALIDATION[0]).z
    assert (found["z_mean"], found["z_std"]) == (np.mean(z), np.std(z))
    assert found["z_std"] != np.std(model.encode(VALIDATION[0]).z)


def test_evaluation_is_the_same_each_time():
    model = tiny_model("aae")
    assert evaluate(model, DATASET, VALIDATION) == evaluate(model, DATASET, VALIDATION)


def test_clusters_are_named_on_validation_images_alone():
    model = tiny_model("clustering", clusters=4)
    found = evaluate(model, DATASET, (VALIDATION[0], np.full(20, 7)))  # no test image is a 7
    assert (found["cluster_error"], found["cluster_error_majority"]) == (1, 1)


# Clustering

Y = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]])
CHOSEN, NAMES = np.array([0, 0, 1, 1, 0]), np.array([7, 5, 6, 5, 5])


def test_cluster_is_named_after_the_image_that_is_surest_of_it():
    assert names_by_most_confident(Y, NAMES).tolist() == [7, 6, 5]  # column 2 is highest, first of equals, in row 1


def test_cluster_is_named_by_majority():
    assert majority_names(CHOSEN, NAMES, 3).tolist() == [5, 5, -1]


def test_best_assignment_gives_each_label_to_one_cluster():
    assert one_to_one_names(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 0, 0]), 2).tolist() == [1, 0]


def test_clusters_that_the_best_assignment_leaves_over_have_no_name():
    assert one_to_one_names(np.array([0, 0, 1, 2, 2]), np.array([0, 0, 0, 1, 1]), 3).tolist() == [0, -1, 1]


def test_best_assignment_names_no_empty_cluster_though_a_label_is_left():
    assert one_to_one_names(np.array([0, 0, 2]), np.array([0, 0, 2]), 3).tolist() == [0, -1, 2]


def test_report_has_the_one_to_one_error():
    y, labels = np.eye(3)[[0, 1, 2, 2]], np.array([0, 1, 2, 1])
    assert cluster_report(y, labels, y, labels)["cluster_error_one_to_one"] == 0.25


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 5), (4, 6), (6, 3)])
def test_no_assignment_is_better(shape):
    """All of them, counted out."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        gain = rng.integers(0, 9, shape).astype(float)
        chosen = best_assignment(gain)
        used = chosen[chosen >= 0]
        assert len(set(used)) == len(used) == min(shape)
        value = sum(gain[row, column] for row, column in enumerate(chosen) if column >= 0)
        wide = gain if shape[0] <= shape[1] else gain.T
        orders = itertools.permutations(range(wide.shape[1]), wide.shape[0])
        assert value == max(sum(wide[row, column] for row, column in enumerate(order)) for order in orders)


def test_report_label_by_label():
    report = label_report(np.array([0, 0, 1, -1, 0]), np.array([0, 1, 1, 1, 2]), 4)  # −1: given no label
    third = 1 / 3
    assert report == [
        {"label": 0, "images": 1, "given": 3, "precision": third, "recall": 1.0},
        {"label": 1, "images": 3, "given": 1, "precision": 1.0, "recall": third},
        {"label": 2, "images": 1, "given": 0, "precision": None, "recall": 0.0},
        {"label": 3, "images": 0, "given": 0, "precision": None, "recall": None},
    ]


def test_report_of_clusters_says_which_stand_for_a_label():
    y_test = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [0.9, 0.1, 0.0]])
    found = cluster_report(Y, NAMES, y_test, np.array([7, 6, 5, 6]))
    assert found["cluster_names"] == [7, 6, 5]
    assert [row["clusters"] for row in found["per_label"]] == [[], [], [], [], [], [2], [1], [0]]
    assert found["per_label"][6] == {
        "label": 6,
        "images": 2,
        "given": 1,
        "precision": 1.0,
        "recall": 0.5,
        "clusters": [1],
    }


def test_one_to_one_names_of_a_report():
    # cluster 0 has labels 7, 5, 5 and cluster 1 has 6, 5: right in 3 of 5 as 0 -> 5, 1 -> 6
    y_test = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9]])
    found = cluster_report(Y, NAMES, y_test, np.array([5, 6, 0]))
    assert found["cluster_error_one_to_one"] == pytest.approx(1 / 3)


def test_perfect_clusters_have_no_error_by_any_measure():
    y = np.eye(4)[[0, 1, 2, 3, 0]]
    found = cluster_report(y, np.array([2, 0, 1, 2, 2]), y, np.array([2, 0, 1, 2, 2]))
    assert (found["cluster_error"], found["cluster_error_majority"], found["clusters_used"]) == (0, 0, 4)
    assert found["nmi"] < 1 and found["ari"] < 1  # two clusters share a label


def test_report_of_clusters():
    y_test = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [0.9, 0.1, 0.0]])
    found = cluster_report(Y, NAMES, y_test, np.array([7, 6, 5, 6]))
    assert (found["cluster_error"], found["cluster_error_majority"], found["clusters_used"]) == (0.5, 0.75, 2)


@pytest.mark.parametrize("measure", [normalized_mutual_information, adjusted_rand_index])
def test_equal_partitions_under_other_names_agree_fully(measure):
    assert measure(np.array([[0, 3, 0], [2, 0, 0], [0, 0, 4]])) == pytest.approx(1)


@pytest.mark.parametrize("measure", [normalized_mutual_information, adjusted_rand_index])
def test_measure_does_not_depend_on_which_partition_comes_first(measure):
    counts = np.array([[3, 1, 0], [1, 2, 2]])
    assert measure(counts) == pytest.approx(measure(counts.T))


def test_partitions_of_one_part_each_agree_fully():
    assert normalized_mutual_information(np.array([[5]])) == 1


def test_independent_partitions_have_no_mutual_information():
    assert normalized_mutual_information(np.array([[2, 4], [3, 6]])) == pytest.approx(0, abs=1e-12)


def test_mutual_information_by_hand():
    # a = (½, ½), b = (¼, ¾): H(a) = ln 2, H(b) = ¼ ln 4 + ¾ ln 4/3, H(a, b) = ¼ ln 4 + ¼ ln 4 + ½ ln 2
    h_a, h_b = math.log(2), math.log(4) / 4 + 3 * math.log(4 / 3) / 4
    expected = (h_a + h_b - 1.5 * math.log(2)) / ((h_a + h_b) / 2)
    assert normalized_mutual_information(np.array([[1, 1], [0, 2]])) == pytest.approx(expected)


def test_rand_index_by_hand():
    # 4 images: pairs together in both 1, in a 2, in b 3, of 6: (1 − 2·3/6) / ((2 + 3)/2 − 1) = 0
    assert adjusted_rand_index(np.array([[1, 1], [0, 2]])) == 0


def test_rand_index_of_a_known_example():
    # 6 images: pairs together in both 2, in a 6, in b 3, of 15: (2 − 18/15) / (9/2 − 18/15)
    assert adjusted_rand_index(np.array([[2, 1, 0], [0, 1, 2]])) == pytest.approx((2 - 1.2) / (4.5 - 1.2))


def test_one_image_is_in_equal_partitions():
    assert adjusted_rand_index(np.array([[1]])) == 1.0
