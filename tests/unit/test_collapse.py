"""What `training.collapse` promises: a run that goes wrong without a NaN is noticed once, in words that help."""

import math

import numpy as np
import pytest
from tiny import assembled, tiny_config

from tinyaae.training.collapse import CollapseMonitor, chance

CHANCE = 2 * math.log(2)

WELL = {"D_cat": 1.2, "D_cat_accuracy": 0.7, "D_gauss": 1.3, "D_gauss_accuracy": 0.6}
WELL |= {"z_mean": 0.0, "z_std": 1.0, "dead_outputs": 0, "reconstruction": 9.0}


def warnings(*rows, mode="semi-supervised", **flags):
    """What is said, epoch by epoch, of these rows, each WELL but for its own numbers."""
    monitor = CollapseMonitor(assembled(tiny_config(mode, **flags))[0])
    return [monitor.update({"epoch": epoch} | WELL | row) for epoch, row in enumerate(rows, 1)]


def epochs_warned(*rows, **flags):
    return [epoch for epoch, said in enumerate(warnings(*rows, **flags), 1) if said]


SICK = {
    "D at chance from the start": ({"D_gauss": CHANCE + 0.004}, 5, "D_gauss has had a loss of 1.386"),
    "D at chance, a little below": ({"D_cat": CHANCE - 0.004}, 5, "D_cat has had a loss of 1.386"),
    "D wins": ({"D_gauss_accuracy": 0.99}, 3, "D_gauss is right 99% of the time"),
    "dead output": ({"dead_outputs": 1}, 3, "1 of the 3 outputs of y are chosen for no validation image"),
    "codes too wide": ({"z_std": 2.1}, 3, "standard deviation 2.10, the prior"),
    "codes too narrow": ({"z_std": 0.4}, 3, "standard deviation 0.40, the prior"),
    "codes off centre": ({"z_mean": -0.6}, 3, "have mean -0.60"),
}


@pytest.mark.parametrize("row, epochs, words", SICK.values(), ids=SICK)
def test_a_symptom_is_warned_of_once_after_its_number_of_epochs_with_what_helps(row, epochs, words):
    said = warnings(*[row] * 20)
    assert [epoch for epoch, each in enumerate(said, 1) if each] == [epochs]
    (line,) = said[epochs - 1]
    assert line.startswith(f"epoch {epochs}: ") and words in line and "what usually helps: " in line


@pytest.mark.parametrize("row, epochs, words", SICK.values(), ids=SICK)
def test_epochs_must_follow_one_another(row, epochs, words):
    assert epochs_warned(*[*[row] * (epochs - 1), {}] * 4) == []


FINE = {
    "all is well": {},
    "D nearly at chance": {"D_gauss": CHANCE - 0.006},
    "D good": {"D_gauss_accuracy": 0.97},
    "codes a little wide": {"z_std": 1.9, "z_mean": 0.4},
}


@pytest.mark.parametrize("row", FINE.values(), ids=FINE)
def test_nothing_is_said_without_need(row):
    assert epochs_warned(*[row] * 20) == []


def test_chance_is_the_least_loss_of_a_d_with_one_answer_for_everything():
    answers = np.linspace(0.01, 0.99, 99)
    for s in (0, 0.1, 0.3):
        losses = -(1 - s) * np.log(answers) - (1 + s) * np.log(1 - answers)
        assert chance(s) == pytest.approx(np.min(losses), abs=1e-4)
    assert chance() == pytest.approx(CHANCE)


def test_gan_that_smooths_its_targets_is_stuck_at_another_loss_and_teaches_p():
    said = warnings(*[{"D_image": chance(0.1), "D_image_accuracy": 0.6}] * 5, mode="gan")[4]
    assert "D_image has had a loss of 1.376" in said[0] and "teaches P nothing" in said[0]


def test_d_that_comes_to_chance_later_is_a_success():
    assert epochs_warned({}, *[{"D_gauss": CHANCE}] * 20) == []


def test_d_cat_whose_loss_gets_its_weight_little_by_little_may_stay_at_chance():
    grows = {"mode": "clustering", "adversarial_warmup": 1000}
    assert epochs_warned(*[{"D_cat": CHANCE}] * 9, **grows) == []
    assert epochs_warned(*[{"D_gauss": CHANCE}] * 9, **grows) == [5]


def test_few_dead_clusters_of_many_are_no_collapse():
    many = {"mode": "clustering", "clusters": 30}
    assert epochs_warned(*[{"dead_outputs": 2}] * 9, **many) == []
    assert epochs_warned(*[{"dead_outputs": 3}] * 9, **many) == [3]


def test_prior_is_the_one_of_the_run():
    """Uniform on [−2, 2]: standard deviation 4/√12."""
    assert epochs_warned(*[{"z_std": 2.1}] * 9, prior="uniform") == []
    assert epochs_warned(*[{"z_std": 2.1 * 4 / math.sqrt(12)}] * 9, prior="uniform") == [3]


@pytest.mark.parametrize("row", [{"D_image": chance(0.1), "D_image_accuracy": 0.5}, {"reconstruction": 1.0}])
def test_modes_without_codes_or_discriminators(row):
    monitor = CollapseMonitor(assembled(tiny_config("gan"))[0])
    assert [monitor.update({"epoch": epoch} | row) != [] for epoch in range(1, 7)].count(True) == ("D_image" in row)


def test_all_warnings_are_kept_in_the_order_they_came():
    monitor = CollapseMonitor(assembled(tiny_config())[0])
    for epoch in range(1, 8):
        monitor.update({"epoch": epoch} | WELL | {"D_gauss": CHANCE, "dead_outputs": 2})
    assert [line.split(":")[0] for line in monitor.warnings] == ["epoch 3", "epoch 5"]
