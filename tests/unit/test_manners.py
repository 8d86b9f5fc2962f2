"""What a phase can be told: its name, every how many steps it steps, what it moves, and the loss of its adversary."""

import numpy as np
import pytest
from helpers import host, saved, tiny_networks
from tiny import assembled, refusal, tiny_config, tiny_dataset

import tinyaae
from tinyaae.backend import Backend
from tinyaae.config.fields import names
from tinyaae.config.modes import MODES
from tinyaae.figures.arrays import Subject, learning_curves
from tinyaae.gradcheck import GradientError, check_loss, check_phase
from tinyaae.losses import least_squares
from tinyaae.metrics.own import PACKAGE, own_values
from tinyaae.model import Model
from tinyaae.optimizers import Adam, Momentum
from tinyaae.phases import Discriminate, Generate, Phase, Reconstruction, Regularization, SemiSupervised
from tinyaae.training import Batches
from tinyaae.training.collapse import chance, chance_of
from tinyaae.training.loop import train
from tinyaae.training.run import InMemory
from tinyaae.training.run_folder import RunFolder


def wide():
    return Backend.named("numpy", "float64")


def aae_of(backend, every=1, **flags):
    """Return an AAE whose Discriminate steps each time and whose Generate each `every`-th time, and its batches."""
    model, batches = assembled(tiny_config("aae", **flags), backend)
    reconstruction, pair = model.phases
    q, adversaries = reconstruction.encoder, pair.generate.adversaries
    phases = [
        reconstruction,
        Discriminate(q, adversaries, Adam(1e-3)),
        Generate(q, adversaries, Adam(1e-3), every=every),
    ]
    return Model(model.config, backend, model.networks.values(), phases, model.prior), batches


# every ---------------------------------------------------------------------------------------------------------------


def test_a_phase_with_every_3_steps_at_steps_0_3_6():
    model, batches = aae_of(Backend.named("numpy"), every=3)
    stepped = ["G_gauss" in model.step(batch) for batch in batches.epoch(0)]
    assert stepped == [k % 3 == 0 for k in range(batches.steps)]
    assert [phase.optimizer.steps for phase in model.phases] == [11, 11, 4]


def test_a_phase_between_its_steps_moves_nothing():
    model, batches = aae_of(Backend.named("numpy"), every=2)
    rows = list(batches.epoch(0))
    model.step(rows[0])
    before = saved(model.backend, model.phases[2])
    model.step(rows[1])
    assert saved(model.backend, model.phases[2]) == before


def test_regularization_with_every_2_steps_both_of_its_halves_every_second_time():
    model, batches = assembled(tiny_config("aae"))
    reconstruction, pair = model.phases
    halves = pair.generate.encoder, pair.generate.adversaries, Adam(1e-3), Adam(1e-3)
    phases = [reconstruction, Regularization(*halves, every=2)]
    model = Model(model.config, model.backend, model.networks.values(), phases, model.prior)
    for batch in batches.epoch(0):
        model.step(batch)
    assert [phase.optimizer.steps for phase in model.phases_with_optimizer()] == [11, 6, 6]


def test_an_every_shows_in_the_model_s_lines():
    model, _ = aae_of(Backend.named("numpy"), every=5)
    assert str(model).splitlines()[-1].endswith(", every 5 steps")


@pytest.mark.parametrize("every", [0, 2, -1])
def test_a_model_whose_phases_all_skip_steps_is_refused(every):
    model, _ = assembled(tiny_config("autoencoder"))
    q, p = model.networks.values()
    phases = [Reconstruction(q, p, Adam(1e-3), every=every)]
    said = refusal(Model, model.config, model.backend, [q, p], phases, model.prior)
    assert said.startswith("system: no phase steps at every step")


def test_an_every_beyond_the_steps_of_an_epoch_is_refused():
    model, batches = aae_of(Backend.named("numpy"), every=12)
    said = refusal(train, model, batches, InMemory(), quiet=True)
    assert said == "generate: steps every 12 steps, but an epoch has 11; expected every=11 or less"


class Step(Phase):
    """A phase whose value is the number of its own step, 0, 1, 2, …; it moves Q nowhere."""

    def __init__(self, encoder, optimizer, value="own_step", **manners):
        super().__init__("own", [encoder], optimizer, **manners)
        self.value = value

    def forward(self, batch):
        return {self.value: self.backend.zeros(()) + self.optimizer.steps}, None

    def backward(self, cache):
        self.gradients.zero()


@pytest.fixture
def own_mode():
    """Register the mode `own`, an autoencoder with the phase `Step`; return what its phase is given."""
    manners = {}

    @tinyaae.mode("own", like="autoencoder")
    def own(make):
        """With a phase that counts."""
        q, p = make.encoder(), make.decoder()
        return [q, p], [make.reconstruction(q, p), Step(q, make.optimizer("reconstruction"), **manners)]

    yield manners
    del MODES["own"]


def own_run(**flags):
    return tinyaae.train("own", data=tiny_dataset(), hidden=(8, 7), epochs=2, batch_size=10, **flags)


def test_a_metric_of_a_phase_that_skips_steps_is_the_mean_over_its_own_steps(own_mode):
    own_mode["every"] = 2
    rows = own_run().history  # 11 steps an epoch: it steps at 0, 2, …, 10 and then at 12, …, 20
    assert [row["own_step"] for row in rows] == [np.mean([0, 1, 2, 3, 4, 5]), np.mean([6, 7, 8, 9, 10])]


def test_a_phase_that_skips_the_first_step_of_an_epoch_keeps_its_column(own_mode, tmp_path):
    @tinyaae.mode("own", like="autoencoder")
    def own(make):
        """With a phase that counts, before the other."""
        q, p = make.encoder(), make.decoder()
        return [q, p], [Step(q, make.optimizer("reconstruction"), every=2), make.reconstruction(q, p)]

    run = own_run(out=tmp_path / "run")  # 11 steps an epoch: the second begins without it
    assert [row["own_step"] for row in run.history] == [2.5, 8]
    assert [row["half_squared_error"] > 1 for row in run.history] == [True, True]


def test_a_run_stopped_within_an_epoch_keeps_the_mean_over_a_phase_s_own_steps(own_mode, tmp_path, monkeypatch):
    own_mode["every"] = 2
    whole = own_run(out=tmp_path / "whole").history
    step, steps = Model.step, iter(range(100))

    def stopped(model, batch):
        if next(steps) == 14:
            raise KeyboardInterrupt
        return step(model, batch)

    monkeypatch.setattr(Model, "step", stopped)
    monkeypatch.setattr("tinyaae.training.loop.time.monotonic", iter(range(0, 10**9, 10**6)).__next__)  # save each step
    with pytest.raises(KeyboardInterrupt):
        own_run(out=tmp_path / "stopped")
    monkeypatch.undo()
    folder = RunFolder.open(tmp_path / "stopped")
    model = tinyaae.build(folder.config(), Backend.named("numpy"))
    position = folder.restore(model)
    assert position.step > 0
    train(model, Batches(tiny_dataset(), folder.config(), model.backend), folder, position, quiet=True)
    assert folder.metrics()[1]["own_step"] == whole[1]["own_step"]


# Metrics of one's own ------------------------------------------------------------------------------------------------


def test_a_value_of_one_s_own_is_in_metrics_csv_the_progress_line_and_the_learning_curves(own_mode, tmp_path):
    run = own_run(out=tmp_path / "run")
    assert "own_step" in (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    lines = []
    model = tinyaae.build(run.model.config, Backend.named("numpy"))
    train(model, Batches(tiny_dataset(), model.config, model.backend), InMemory(), say=lines.append)
    assert ", own_step 5 (" in lines[0]
    panels = learning_curves(Subject(model, tiny_dataset(), metrics=run.history))
    assert "own_step" in [panel.title for panel in panels]


@pytest.mark.parametrize("taken", ["epoch", "seconds", "reconstruction_error"])
def test_a_value_with_the_name_of_another_column_is_refused(own_mode, taken):
    own_mode["value"] = taken
    assert refusal(own_run).startswith(f"{taken}: a phase's value is called like a column")


@pytest.mark.parametrize("mode", MODES)
def test_every_number_of_the_package_is_known_as_the_package_s(mode):
    extras = {name: 0.5 for name in names("extra") if mode == "clustering"}
    config = tiny_config(mode, epochs=1, **extras)
    model, batches = assembled(config)
    kept = InMemory()
    train(model, batches, kept, quiet=True)
    assert own_values(kept.metrics()[0]) == []
    assert kept.metrics()[0].keys() <= PACKAGE


# name and moves ------------------------------------------------------------------------------------------------------


def test_two_phases_of_one_kind_live_together_under_two_names():
    model, _ = assembled(tiny_config("autoencoder"))
    q, p = model.networks.values()
    phases = [Reconstruction(q, p, Adam(1e-3), moves=[p]), SemiSupervised(q, Momentum(0.1), name="other")]
    assert [phase.name for phase in phases] == ["reconstruction", "other"]


def test_a_regularization_named_anew_names_its_halves_after_it():
    model, _ = assembled(tiny_config("aae"))
    pair = model.phases[1].generate
    other = Regularization(pair.encoder, pair.adversaries, Adam(1e-3), Adam(1e-3), name="second")
    assert [half.name for half in other.phases_with_optimizer()] == ["second-discriminate", "second-generate"]


@pytest.mark.parametrize("moved", ["encoder", "decoder"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_reconstruction_that_moves_one_network_passes_the_gradient_check_and_leaves_the_other(moved, batch_norm):
    model = tiny_networks(wide(), batch_norm=batch_norm)
    moves = [getattr(model, moved)]
    frozen = [network for network in model.all if network not in moves]
    phase = Reconstruction(model.encoder, model.decoder, Momentum(0.1), moves=moves)
    assert check_phase(phase, model.batch, frozen) < 1e-4


# The loss of an adversary --------------------------------------------------------------------------------------------


def hinge(xp, logits, target):
    """The mean of max(0, 1 − l) for real and max(0, 1 + l) for fake."""
    sign = 1 - 2 * xp.astype(target > 0, logits.dtype)  # −1 real, 1 fake
    wrong = xp.astype(1 + sign * logits > 0, logits.dtype)
    n = logits.shape[0]
    return xp.sum(wrong * (1 + sign * logits)) / n, wrong * sign / n


def minus_mean(xp, logits, target):
    return -xp.mean(logits), xp.zeros_like(logits) - 1 / logits.shape[0]


LOSSES = {"least-squares": (least_squares, None), "hinge": (hinge, minus_mean)}


def adversaries_of(model, loss):
    return [part._replace(loss=LOSSES[loss][0], generator_loss=LOSSES[loss][1]) for part in model.adversaries]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [Discriminate, Generate])
def test_a_phase_with_another_adversarial_loss_passes_the_gradient_check(kind, loss):
    model = tiny_networks(wide())
    phase = kind(model.encoder, adversaries_of(model, loss), Momentum(0.1))
    assert check_phase(phase, model.batch) < 1e-4


@pytest.mark.parametrize("kind", [Discriminate, Generate])
def test_a_wrong_adversarial_loss_is_rejected_by_the_gradient_check(kind):
    def wrong(xp, logits, target):
        value, gradient = least_squares(xp, logits, target)
        return value, 0.9 * gradient

    model = tiny_networks(wide())
    phase = kind(model.encoder, [part._replace(loss=wrong) for part in model.adversaries], Momentum(0.1))
    with pytest.raises(GradientError):
        check_phase(phase, model.batch)


def test_an_adversarial_loss_of_one_s_own_passes_check_loss():
    rng = np.random.default_rng(0)
    assert check_loss(hinge, [rng.normal(size=(6, 1)), np.array([[1.0]] * 3 + [[0.0]] * 3)]) < 1e-6


def test_least_squares_of_mao_et_al_is_what_discriminate_computes():
    model = tiny_networks(wide())
    phase = Discriminate(model.encoder, adversaries_of(model, "least-squares")[1:], Momentum(0.1))
    values, _ = phase.forward(model.batch)
    d, ctx = model.adversaries[1].discriminator, phase.context()
    code, _ = model.encoder.forward(model.batch.x, ctx)
    real = model.adversaries[1].prior.sample(3, ctx)
    read, fake = (host(d.backend, d.forward(each, ctx)[0]) for each in (real, code.z))
    expected = np.mean((read - 1) ** 2) / 2 + np.mean((fake + 1) ** 2) / 2
    np.testing.assert_allclose(float(values["D_gauss"]), expected, rtol=1e-12)


def test_a_discriminator_with_another_loss_has_no_known_value_of_chance():
    model, _ = assembled(tiny_config("aae"))
    assert chance_of(model) == chance()
    pair = model.phases[1]
    for half in (pair.discriminate, pair.generate):
        half.adversaries = [each._replace(loss=least_squares) for each in half.adversaries]
    assert chance_of(model) == np.inf


def test_an_aae_with_least_squares_matches_its_codes_to_the_prior():
    """What the loss is for: after some hundred steps the codes have the prior's spread, which they had not."""
    backend = Backend.named("numpy")
    model, batches = assembled(tiny_config("aae", z=2, hidden=(30, 30)), backend)
    pair = model.phases[1]
    for half in (pair.discriminate, pair.generate):
        half.adversaries = [each._replace(loss=least_squares) for each in half.adversaries]
        half.optimizer.lr = 3e-3
    images = tiny_dataset().x_train
    before = np.std(model.encode(images).z)
    for epoch in range(30):
        for batch in batches.epoch(epoch):
            model.step(batch)
    assert abs(np.std(model.encode(images).z) - 1) < 0.4 < abs(before - 1)
