"""The checker itself: it accepts what is right, rejects a whole catalogue of what is wrong, and says what is wrong."""

import numpy as np
import pytest
from helpers import PHASES, Y_DIM, host, saved, tiny_phase
from tiny import assembled, tiny_config
from wrong_backwards import (
    WRONG,
    BatchNormMovesInForward,
    EncoderSkipsSoftmax,
    GenerateMovesD,
    GenerateSign,
    GenerateUpdatesD,
    LinearDwTransposed,
    ReLUEditsDy,
    cross_entropy_no_mean,
)

from tinyaae import data
from tinyaae.backend import Backend
from tinyaae.config import Config
from tinyaae.errors import UserError
from tinyaae.gradcheck import (
    STEP,
    GradientError,
    _arrays_of,
    check_layer,
    check_loss,
    check_phase,
    compare,
    differences,
)
from tinyaae.layers import BatchNorm, Linear, ReLU, Sequential, Softmax
from tinyaae.losses import half_squared_error
from tinyaae.model import build
from tinyaae.optimizers import SGD
from tinyaae.phases import SemiSupervised
from tinyaae.training import Batches

X = np.random.default_rng(0).normal(size=(3, 4))
each_wrong = pytest.mark.parametrize("entry", WRONG, ids=lambda entry: entry.mistake)
ONE_OF_A_KIND = [LinearDwTransposed, cross_entropy_no_mean, EncoderSkipsSoftmax, GenerateSign]


@each_wrong
def test_the_right_one_is_accepted(numpy64, entry):
    assert entry.check(entry.right, numpy64) < 1e-6


@each_wrong
def test_the_wrong_one_is_rejected(numpy64, entry):
    with pytest.raises(GradientError):
        entry.check(entry.wrong, numpy64)


def test_the_checker_tells_right_from_wrong_on_every_backend(backend64):
    """A layer, a loss, a network and a phase: the rest of the catalogue would show the same."""
    entries = [entry for entry in WRONG if entry.wrong in ONE_OF_A_KIND]
    assert len(entries) == len(ONE_OF_A_KIND)
    for entry in entries:
        assert entry.check(entry.right, backend64) < 1e-6
        with pytest.raises(GradientError):
            entry.check(entry.wrong, backend64)


def test_the_catalogue_is_large_and_no_mistake_is_in_it_twice():
    assert len(WRONG) >= 45
    assert len({entry.mistake for entry in WRONG}) == len({entry.wrong for entry in WRONG}) == len(WRONG)


def message(check, *args, **keywords):
    with pytest.raises(GradientError) as error:
        check(*args, **keywords)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_message_says_which_gradient_how_wrong_and_where():
    text = message(check_layer, LinearDwTransposed(4, 4), X)
    assert text.startswith("LinearDwTransposed: dW has relative error ")
    assert ", allowed 1e-06; at (" in text and "), the worst of (4, 4), backward says " in text
    ours, theirs = text.split("backward says ")[1].split(", differences say ")
    assert abs(float(ours) - float(theirs)) > 0.1


def test_the_message_names_the_layer_inside_a_stack():
    text = message(check_layer, Sequential([Linear(4, 5), Sequential([LinearDwTransposed(5, 5)])]), X)
    assert text.startswith("Sequential: dW of layer 1 (LinearDwTransposed) has relative error ")


@pytest.mark.parametrize(
    "layer, text",
    [
        (ReLUEditsDy(), "ReLUEditsDy: forward or backward changed dy, which it was only lent"),
        (
            BatchNormMovesInForward(4),
            "BatchNormMovesInForward: forward or backward changed running_mean, running_var, which it was only lent",
        ),
    ],
    ids=["dy", "buffers"],
)
def test_the_message_names_what_was_changed(layer, text):
    assert message(check_layer, layer, X) == text


def test_a_gradient_of_another_shape_is_reported():
    def transposed(xp, output, target):
        value, gradient = half_squared_error(xp, output, target)
        return value, gradient.T

    assert message(check_loss, transposed, [X, 0 * X]) == "transposed: the gradient has shape (4, 3), expected (3, 4)"


def test_a_loss_that_is_not_one_number_is_reported():
    def one_per_example(xp, output, target):
        return xp.sum(output - target, axis=1), output

    assert message(check_loss, one_per_example, [X, 0 * X]) == "a loss has shape (3,), expected a single number"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_an_error(bad):
    def not_finite(xp, output, target):
        value, gradient = half_squared_error(xp, output, target)
        gradient[1, 2] = bad
        return value, gradient

    with np.errstate(invalid="ignore"):
        assert "at (1, 2), the worst of (3, 4)" in message(check_loss, not_finite, [X, 0 * X])


@pytest.mark.parametrize(
    "kind, text",
    [
        (GenerateMovesD, "generate: its gradient reaches D_cat, which is not for it to move"),
        (GenerateUpdatesD, "generate: update changed D_cat.flat, D_gauss.flat, which it was only lent"),
    ],
)
def test_the_message_names_the_network_that_a_phase_must_not_move(numpy64, kind, text):
    phase, nets, frozen = tiny_phase(numpy64, "generate", kind=kind)
    assert message(check_phase, phase, nets.batch, frozen) == text


@pytest.mark.without_kernels
def test_a_check_in_float32_is_refused_in_one_line(backend):
    phase, nets, _ = tiny_phase(backend, "generate")
    for check, args in [
        (check_layer, [Linear(4, 5), X, backend]),
        (check_loss, [half_squared_error, [X, X], backend]),
        (check_phase, [phase, nets.batch]),
    ]:
        with pytest.raises(UserError, match=r"^gradcheck: the backend's numbers are float32, expected float64;"):
            check(*args)


def test_every_batch_norm_of_a_stack_is_watched():
    stack = Sequential([BatchNormMovesInForward(4), Linear(4, 5), BatchNorm(5)])
    changed = "running_mean of layer 0 (BatchNormMovesInForward), running_var of layer 0 (BatchNormMovesInForward)"
    assert (
        message(check_layer, stack, X) == f"Sequential: forward or backward changed {changed}, which it was only lent"
    )


def test_with_a_dy_of_ones_the_zeros_of_softmax_would_have_passed():
    """Why dy is random: the outputs sum to 1 whatever x is, so their plain sum has no gradient to compare with."""

    class WithOnes(Sequential):
        def forward(self, x, ctx):
            y, cache = super().forward(x, ctx)
            return self.layers[0].xp.sum(y, axis=1, keepdims=True), cache

        def backward(self, dy, cache, grads=None):
            return self.layers[0].xp.zeros_like(cache[0])

    assert check_layer(WithOnes([Softmax()]), X) < 1e-6


def test_a_kink_within_reach_is_no_place_to_check():
    x = X.copy()
    x[0, 0] = STEP / 2
    assert "dx has relative error" in message(check_layer, ReLU(), x)
    x[0, 0] = 10 * STEP
    assert check_layer(ReLU(), x) < 1e-6


def test_compare_returns_the_relative_error_to_the_larger_gradient():
    assert compare("g", np.array([1.0, 8]), np.array([1.0, 10]), 0.3) == pytest.approx(0.2)
    assert compare("g", np.zeros(3), np.zeros(3), 0.0) == 0


def test_compare_allows_the_tolerance_and_no_more():
    assert compare("g", np.array(8.0), np.array(10.0), 0.2) == pytest.approx(0.2)
    assert message(compare, "g", np.array(8.0), np.array(10.0), 0.19).startswith("g has relative error 2.0e-01")


@pytest.mark.without_kernels
def test_differences_are_the_derivative_and_leave_x_as_it_was(backend64):
    x = backend64.array(X)
    gradient = differences(backend64, lambda: float(np.sum(host(backend64, x) ** 3)), x)
    np.testing.assert_allclose(gradient, 3 * X**2, rtol=1e-7, atol=1e-9)
    assert host(backend64, x).tobytes() == X.tobytes()


def check_with_a_learning_rate_of_0(backend, name):
    """The update moves nothing, so all must be as it was."""
    phase, nets, frozen = tiny_phase(backend, name, SGD(0.0))
    before = saved(backend, *nets.all)
    check_phase(phase, nets.batch, frozen)
    assert saved(backend, *nets.all) == before
    assert phase.optimizer.steps == 1


@pytest.mark.parametrize("name", PHASES)
def test_a_checked_phase_has_its_weights_back_except_for_one_update(numpy64, name):
    check_with_a_learning_rate_of_0(numpy64, name)


def test_a_checked_phase_has_its_weights_back_on_every_backend(backend64):
    check_with_a_learning_rate_of_0(backend64, "reconstruction")


def with_another_value(phase, name):
    """Give a phase one more value, a square of its weights, of which its backward knows nothing."""
    forward = phase.forward

    def more(batch):
        values, cache = forward(batch)
        flat = phase.moves[0].flat
        return values | {name: phase.backend.xp.sum(flat * flat) * Y_DIM}, cache

    phase.forward = more


class Measured(SemiSupervised):
    metrics = ("weights",)


def test_an_objective_leaves_out_the_metrics_that_a_phase_lists(numpy64):
    phase, nets, frozen = tiny_phase(numpy64, "semi-supervised", kind=Measured)
    with_another_value(phase, "weights")
    assert check_phase(phase, nets.batch, frozen) < 1e-6


@pytest.mark.parametrize("name", ["weights", "weights_accuracy"])
def test_a_value_that_is_not_listed_is_part_of_the_objective(numpy64, name):
    phase, nets, frozen = tiny_phase(numpy64, "semi-supervised")
    with_another_value(phase, name)
    assert "semi-supervised: dW of Q, layer 0 (Linear)" in message(check_phase, phase, nets.batch, frozen)


def test_a_metric_that_is_listed_and_not_returned_is_an_error(numpy64):
    phase, nets, _ = tiny_phase(numpy64, "semi-supervised", kind=Measured)
    text = "semi-supervised: lists the metric weights, expected one of classification"
    assert message(check_phase, phase, nets.batch) == text


def test_discriminate_lists_its_accuracies(numpy64):
    phase, nets, _ = tiny_phase(numpy64, "discriminate")
    values, _ = phase.forward(nets.batch)
    assert set(phase.metrics) == {name for name in values if name.endswith("_accuracy")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mode", ["semi-supervised", "aae"])
def test_a_right_phase_passes_at_a_useful_size(mode, seed):
    """With a hundred units a layer the kink of some ReLU often lies within the first step of the differences."""
    backend, mnist = Backend.named("numpy", "float64"), data.load_mnist()
    config = Config.of(mode, hidden=(100, 100), seed=seed).for_data(mnist)
    model, batches = build(config, backend), Batches(mnist, config, backend)
    batch = next(batches.epoch(0))
    for phase in model.phases_with_optimizer():
        assert check_phase(phase, batch, seed=seed) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reconstruction", "discriminate", "generate", "semi-supervised", "vat"])
def test_one_percent_in_any_one_array_is_refused_on_200_seeds(numpy64, name):
    for seed in range(200):
        phase, nets, frozen = tiny_phase(numpy64, name)
        arrays = _arrays_of(phase.moves)
        array, part = arrays[seed % len(arrays)]
        backward = phase.backward

        def planted(cache, part=part, phase=phase, backward=backward):
            backward(cache)
            phase.gradients.flat[part] *= 1.01

        phase.backward = planted
        assert message(check_phase, phase, nets.batch, frozen, seed=seed).startswith(f"{phase.name}: {array}, its")


@pytest.mark.slow
@each_wrong
def test_the_wrong_one_is_rejected_on_200_seeds(numpy64, entry):
    for seed in range(200):
        with pytest.raises(GradientError):
            entry.check(entry.wrong, numpy64, seed)


@pytest.mark.parametrize(
    "flags",
    [{}, {"condition_on_y": False}, {"detach_y": True}, {"vat": 2.0, "vat_rampup": 1, "information_maximization": 0.3}],
    ids=str,
)
def test_what_a_phase_takes_for_constant_is_constant_during_the_check(numpy64, flags):
    """No gradient flows through the y that D_gauss reads, a detached y, or an adversarial example."""
    model, batches = assembled(tiny_config(**flags), numpy64)
    batch = next(batches.epoch(0))
    for phase in model.phases_with_optimizer():
        phase.optimizer.steps = 1
        assert check_phase(phase, batch) < 1e-4
        assert phase.held is None
