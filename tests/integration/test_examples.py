"""The examples: phases and a prior from outside the package pass the tests of those inside, and each main runs."""

import re
from pathlib import Path

import numpy as np
import own_phase_infogan
import own_phase_repulsion
import own_phase_y_decoder
import own_prior_balance
import pytest
from helpers import IMAGES, PIXELS, Y_DIM, Z_DIM, PhaseCase, as_float, each_option, host, saved, tiny_batch, tiny_phase
from own_phase_infogan import MutualInformation
from own_phase_repulsion import Repulsion
from own_phase_y_decoder import ReconstructionFromY
from own_prior_balance import Balanced
from tape_backend import TapeBackend
from tiny import assembled, tiny_config

from tinyaae.backend import Context
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.gradcheck import GradientError, check_phase
from tinyaae.layers import Linear, Sigmoid
from tinyaae.model import Model
from tinyaae.networks import Code, Network
from tinyaae.optimizers import SGD, Adam, Momentum
from tinyaae.phases import Adversary
from tinyaae.priors import Categorical, Gaussian
from tinyaae.recipes import Builder

EXAMPLES = [own_phase_infogan, own_phase_repulsion, own_phase_y_decoder, own_prior_balance]


def y_decoder(backend, classes=Y_DIM, pixels=PIXELS):
    """Return a P_y whose weights and biases are jolted away from where they start."""
    network = Network(backend, "P_y", [Linear(classes, pixels), Sigmoid()])
    network.flat += backend.array(np.random.default_rng(1).normal(0, 0.5, network.size))
    return network


def infogan_takes(nets):
    return [nets.encoder, nets.decoder, Categorical(Y_DIM), Gaussian(Z_DIM)]


def repulsion_takes(nets):
    return [nets.decoder, Gaussian(Z_DIM), Y_DIM]


EXAMPLE_PHASES = {
    "infogan": PhaseCase(MutualInformation, infogan_takes, {"Q", "P"}, {}, {"weight": 0.7}),
    "infogan-of-logits": PhaseCase(MutualInformation, infogan_takes, {"Q", "P"}, {"logits": True}),
    "reconstruction-from-y": PhaseCase(
        ReconstructionFromY,
        lambda nets: [nets.encoder, y_decoder(nets.encoder.backend)],
        {"Q", "P_y"},
        {},
        {"weight": 0.7},
    ),
    "repulsion": PhaseCase(Repulsion, repulsion_takes, {"P"}, {}, {"weight": 0.7, "eta": 0.057}),
    "repulsion-of-logits": PhaseCase(Repulsion, repulsion_takes, {"P"}, {"logits": True}, {"eta": 0.057}),
}
each_phase = pytest.mark.parametrize("name", EXAMPLE_PHASES)


def example_phase(backend, name, optimizer=None, kind=None, **options):
    return tiny_phase(backend, name, optimizer, kind, EXAMPLE_PHASES, **options)


# What each main prints -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_an_example_runs_and_prints_a_finite_line_for_each_of_its_two_runs(example, capsys):
    example.main(["--epochs", "1", "--images", "300"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        error = re.search(r"validation error (\d+\.\d)%", line)
        assert 0 < float(error[1]) < 100 and "nan" not in line and "inf" not in line


def test_every_example_of_this_kind_is_tested_here():
    folder = Path(__file__).parent.parent.parent / "examples"
    elsewhere = {"own_layer", "own_table"}  # test_own_networks.py and test_sklearn.py
    assert {file.stem for file in folder.glob("own_*.py")} == {example.__name__ for example in EXAMPLES} | elsewhere


# The phases ------------------------------------------------------------------------------------------------------


@each_phase
@each_option
def test_gradient_is_that_of_the_objective(backend64, name, options):
    phase, nets, frozen = example_phase(backend64, name, **options)
    assert check_phase(phase, nets.batch, frozen, tolerance=1e-6) < 1e-6


@each_phase
def test_what_was_in_the_gradient_before_leaves_no_trace(backend, name):
    phase, nets, _ = example_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    flat = phase.gradients.flat
    flat += 1
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


@each_phase
def test_two_batches_may_be_in_flight_at_once(backend, name):
    phase, nets, _ = example_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    _, cache = phase.forward(nets.batch)
    phase.forward(tiny_batch(backend, seed=1))
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


@each_phase
def test_a_step_moves_the_networks_of_its_phase_and_no_running_statistics(backend, name):
    phase, nets, _ = example_phase(backend, name, batch_norm=True)
    networks = {network.name: network for network in [*nets.all, *phase.moves]}.values()
    before = saved(backend, *networks)
    phase.step(nets.batch)
    after = saved(backend, *networks)
    assert {key for key in after if after[key] != before[key]} == {
        f"{name}.flat" for name in EXAMPLE_PHASES[name].moves
    }


@each_phase
def test_a_cache_from_before_an_update_raises(backend, name):
    phase, nets, _ = example_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.step(nets.batch)
    with pytest.raises(RuntimeError, match="the cache is from before an update of"):
        phase.backward(cache)


@each_phase
def test_small_steps_on_one_batch_make_the_objective_smaller(backend64, name):
    phase, nets, _ = example_phase(backend64, name, SGD(0.01))

    def objective():
        return sum(as_float(backend64, value) for value in phase.forward(nets.batch)[0].values())

    before = objective()
    for _ in range(3):
        phase.step(nets.batch)
        phase.optimizer.steps = 0  # the same noise again, so that the objective is the same function
    assert objective() < before


@each_phase
@pytest.mark.parametrize("make", [lambda: Momentum(0.1), lambda: Adam(0.01)], ids=["momentum", "adam"])
def test_everything_stays_float32(backend, name, make):
    phase, nets, _ = example_phase(backend, name, make(), batch_norm=True, input_noise=0.3, posterior="gaussian")
    arrays = list(phase.step(nets.batch).values())
    arrays += [phase.gradients.flat, *phase.optimizer.state.values()]
    arrays += [value for network in phase.moves for value in network.state().values()]
    assert {host(backend, array).dtype for array in arrays} == {np.dtype("float32")}


def test_the_infogan_bound_is_the_log_probability_of_the_y_that_was_drawn(backend64):
    phase, nets, _ = example_phase(backend64, "infogan")
    ctx = phase.context()
    drawn = Code(Categorical(Y_DIM).sample(IMAGES, ctx), Gaussian(Z_DIM).sample(IMAGES, ctx))
    image, _ = nets.decoder.forward(drawn, ctx)
    read = host(backend64, nets.encoder.forward(image, ctx)[0].y)
    loss = -np.mean(np.log(np.sum(read * host(backend64, drawn.y), axis=1)))
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values["mutual_information"]) == pytest.approx(0.7 * loss, rel=1e-12)


def test_the_infogan_bound_reads_no_image_of_the_batch(backend64):
    phase, nets, _ = example_phase(backend64, "infogan")
    values = [phase.forward(batch)[0] for batch in (nets.batch, tiny_batch(backend64, seed=1))]
    assert as_float(backend64, values[0]["mutual_information"]) == as_float(backend64, values[1]["mutual_information"])


def test_reconstruction_from_y_reads_no_z(backend64):
    phase, nets, _ = example_phase(backend64, "reconstruction-from-y")
    y = host(backend64, nets.encoder.forward(nets.batch.x, phase.context())[0].y)
    linear = phase.y_decoder.stack.layers[0]
    image = 1 / (1 + np.exp(-(y @ host(backend64, linear.W) + host(backend64, linear.b))))
    loss = np.sum((image - host(backend64, nets.batch.x)) ** 2) / (2 * IMAGES)
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values["reconstruction_from_y"]) == pytest.approx(0.7 * loss, rel=1e-12)


def test_repulsion_compares_the_pictures_of_all_clusters_in_one_style(backend64):
    """They are painted as a trained P paints: with batch norm's running averages."""
    phase, nets, _ = example_phase(backend64, "repulsion", batch_norm=True)
    z = host(backend64, Gaussian(Z_DIM).sample(1, phase.context()))
    code = Code(backend64.array(np.eye(Y_DIM)), backend64.array(np.repeat(z, Y_DIM, axis=0)))
    image = host(backend64, nets.decoder.forward(code, Context(backend64))[0])
    apart = np.sqrt(np.sum((image[:, None] - image) ** 2, axis=2))[np.triu_indices(Y_DIM, 1)]
    assert np.min(apart) < 0.057 < np.max(apart)
    values, _ = phase.forward(nets.batch)
    loss = 0.7 * np.sum(np.maximum(0, 0.057 - apart))
    assert as_float(backend64, values["repulsion"]) == pytest.approx(loss, rel=1e-12)


def test_added_to_a_model_the_phases_have_networks_and_noise_of_their_own():
    """No draw of a step is another's, and each phase's moments are in what a checkpoint holds."""
    model, batches = assembled(tiny_config("clustering", clusters=5))
    backend, config = model.backend, model.config
    q, p, p_y = model.networks["Q"], model.networks["P"], y_decoder(model.backend, 5, 36)
    added = [
        MutualInformation(q, p, Categorical(5), model.prior, Momentum(0.01)),
        ReconstructionFromY(q, p_y, Momentum(0.01)),
        Repulsion(p, model.prior, 5, Momentum(0.01)),
    ]
    model = Model(config, backend, [*model.networks.values(), p_y], [*model.phases, *added], model.prior)
    drawn = []
    for draw in ("normal", "uniform"):
        original = getattr(backend, draw)
        setattr(backend, draw, lambda place, shape, original=original: drawn.append(place) or original(place, shape))
    values = model.step(next(batches.epoch(0)))
    assert len(drawn) == len(set(drawn)) > 0
    assert {"mutual_information", "reconstruction_from_y", "repulsion"} <= values.keys()
    assert {name for phase in added for name in (f"{phase.name}/velocity",)} <= model.state().keys()
    assert "P_y/flat" in model.state()


def state_and_values_with_all(backend):
    """Return the state after nine steps of a model with the three phases and the balanced prior, and all values."""
    config = tiny_config("clustering", clusters=5)
    make, (_, batches) = Builder(config, backend), assembled(config, backend)
    q, p, p_y, y_prior = make.encoder(), make.decoder(), y_decoder(backend, 5, 36), Balanced(5, backend)
    d_cat, z = make.discriminator("D_cat", 5), make.adversary_of_z()
    phases = [
        make.reconstruction(q, p),
        make.regularization(q, [Adversary("y", d_cat, y_prior), z]),
        MutualInformation(q, p, Categorical(5), make.prior, Momentum(0.01)),
        ReconstructionFromY(q, p_y, Momentum(0.01)),
        Repulsion(p, make.prior, 5, Momentum(0.01), eta=5.0),
    ]
    model, values = Model(config, backend, [q, p, d_cat, z.discriminator, p_y], phases, make.prior), []
    for step, batch in zip(range(9), batches.epoch(0), strict=False):
        if step == 5:
            y_prior.used[...] = backend.array(np.array([0.96, 0.01, 0.01, 0.01, 0.01]))
        values.append({name: host(backend, value).tobytes() for name, value in model.step(batch).items()})
    return {name: host(backend, array).tobytes() for name, array in model.state().items()}, values


def test_a_recorded_step_with_them_is_the_step_also_after_the_prior_was_changed():
    tape = TapeBackend()
    assert state_and_values_with_all(tape) == state_and_values_with_all(NumpyBackend(threads=1))
    assert tape.recorded == 1


# Wrong backwards, as in wrong_backwards.py -----------------------------------------------------------------------

WRONG = {}  # mistake -> the name of the phase in `EXAMPLE_PHASES`, and the class that has its backward wrong


def wrong(mistake, name):
    return lambda kind: WRONG.setdefault(mistake, (name, kind))[1]


@wrong("only the encoder learns: no gradient reaches P", "infogan")
class MutualInformationStopsAtImage(MutualInformation):
    def backward(self, cache):
        *_, q_cache, dlogits = cache
        self.gradients.zero()
        self.encoder.backward(Code(logits=dlogits), q_cache, self.gradients)


@wrong("only the decoder learns: Q is passed through like a discriminator", "infogan")
class MutualInformationMovesPOnly(MutualInformation):
    def backward(self, cache):
        super().backward(cache)
        self.gradients.flat[: self.encoder.size] = 0


@wrong("the sigmoid between logits and image is skipped", "infogan-of-logits")
class MutualInformationSkipsSigmoid(MutualInformation):
    def backward(self, cache):
        p_cache, _, q_cache, dlogits = cache
        self.gradients.zero()
        dimage = self.encoder.backward(Code(logits=dlogits), q_cache, self.gradients, want_dx=True)
        self.decoder.backward(dimage, p_cache, self.gradients, want_dx=False)


@wrong("the weight is forgotten on the way back", "infogan")
class MutualInformationNoWeight(MutualInformation):
    def backward(self, cache):
        *others, dlogits = cache
        super().backward((*others, dlogits / self.weight))


@wrong("Q's y is taken for a constant", "reconstruction-from-y")
class FromYStopsAtY(ReconstructionFromY):
    def backward(self, cache):
        super().backward(cache)
        self.gradients.flat[: self.encoder.size] = 0


@wrong("the gradient of y is handed over as that of the logits", "reconstruction-from-y")
class FromYSkipsSoftmax(ReconstructionFromY):
    def backward(self, cache):
        q_cache, p_cache, dimage = cache
        self.gradients.zero()
        dy = self.y_decoder.backward(dimage, p_cache, self.gradients)
        self.encoder.backward(Code(logits=dy), q_cache, self.gradients)


@wrong("the pictures are pulled together", "repulsion")
class RepulsionSign(Repulsion):
    def backward(self, cache):
        p_cache, doutput = cache
        super().backward((p_cache, -doutput))


@wrong("the pictures that are far apart push, too", "repulsion")
class RepulsionOfAll(Repulsion):
    def forward(self, batch):
        values, _ = super().forward(batch)
        eta, self.eta = self.eta, 1e9
        _, cache = super().forward(batch)
        self.eta = eta
        return values, cache


@pytest.mark.parametrize("name, kind", WRONG.values(), ids=WRONG)
def test_a_wrong_backward_is_rejected(numpy64, name, kind):
    phase, nets, frozen = example_phase(numpy64, name, kind=kind)
    with pytest.raises(GradientError):
        check_phase(phase, nets.batch, frozen)


# The prior -------------------------------------------------------------------------------------------------------

COUNT = 20_000  # samples; tolerances are 4.5 standard errors, as in test_priors.py


def balanced(backend, balance, used):
    """Return a `Balanced` prior that has counted how much each class is used."""
    prior = Balanced(len(used), backend, balance)
    prior.used[...] = backend.array(np.array(used))
    return prior


def test_a_balanced_prior_is_one_hot_and_draws_classes_that_are_used_less_more_often(backend):
    z = host(backend, balanced(backend, 2.0, [0.7, 0.2, 0.1]).sample(COUNT, Context(backend, True)))
    assert np.array_equal(np.sort(z, axis=1), np.tile([0, 0, 1], (COUNT, 1)))
    expected = (np.array([0.7, 0.2, 0.1]) + 1 / 3) ** -2
    expected /= np.sum(expected)
    error = 4.5 * np.sqrt(expected * (1 - expected) / COUNT)
    assert np.all(np.abs(np.mean(z, axis=0) - expected) <= error)


@pytest.mark.parametrize("balance, used", [(0.0, [0.7, 0.1, 0.1, 0.1]), (3.0, [0.25] * 4), (3.0, None)], ids=str)
def test_a_balanced_prior_is_uniform_without_balance_or_imbalance_and_at_the_start(backend, balance, used):
    prior = Balanced(4, backend, balance) if used is None else balanced(backend, balance, used)
    drawn = [host(backend, p.sample(COUNT, Context(backend, True))).tolist() for p in (prior, Categorical(4))]
    assert drawn[0] == drawn[1]
