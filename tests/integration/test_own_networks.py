"""An encoder, a decoder and a layer of one's own; and the widths of P, which are Q's in reverse."""

import ast
import inspect
import re

import numpy as np
import own_layer
import pytest
from own_layer import Conv2d, conv_encoder
from tape_backend import TapeBackend
from tiny import SIDE, assembled, refusal, tiny_config, tiny_dataset

import tinyaae
from tinyaae.backend import Backend, Context
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.modes import MODES
from tinyaae.gradcheck import GradientError, check_layer, check_phase
from tinyaae.layers import Linear, Sigmoid, Tanh
from tinyaae.model import build
from tinyaae.networks import Decoder, Encoder
from tinyaae.recipes import aae
from tinyaae.training import Batches
from tinyaae.training.run_folder import RunFolder

PIXELS = SIDE * SIDE


def small_conv(make):
    """Return a convolutional Q for the tiny pictures: 6 x 6 x 1 -> 2 x 2 x 3 -> code."""
    c = make.config
    conv = Conv2d((*c.side, 1), 3)
    return Encoder(make.backend, [conv, Tanh(), Linear(12, c.y_dim + c.z)], c.y_dim, c.posterior, make.seed)


def one_layer_decoder(make):
    """Return a P of one Linear."""
    c = make.config
    return Decoder(make.backend, [Linear(c.decoder_y_dim + c.z, c.inputs), Sigmoid()], seed=make.seed)


def widths(network):
    return [layer.shapes["W"] for layer in network.stack.walk() if "W" in layer.shapes]


# Widths --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["aae", "semi-supervised", "gan"])
def test_p_has_the_hidden_widths_in_reverse(mode):
    model, _ = assembled(tiny_config(mode, hidden=(8, 7), z=5))
    (first, *_, last) = widths(model.networks["P"])
    assert (first[1], last) == (7, (8, PIXELS))


def test_q_and_d_have_the_hidden_widths_in_order():
    model, _ = assembled(tiny_config("aae", hidden=(8, 7), z=5))
    assert widths(model.networks["Q"]) == [(PIXELS, 8), (8, 7), (7, 5)]
    assert widths(model.networks["D_gauss"]) == [(5, 8), (8, 7), (7, 1)]


# The layer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, channels, kernel, stride", [((5, 6, 2), 3, 3, 2), ((4, 4, 1), 2, 2, 1), ((7, 3, 1), 1, 3, 3)]
)
def test_conv2d_passes_the_gradient_check(backend64, shape, channels, kernel, stride):
    x = np.random.default_rng(0).normal(size=(3, int(np.prod(shape))))
    assert check_layer(Conv2d(shape, channels, kernel, stride), x, backend64) < 1e-6


def test_conv2d_is_the_sum_over_each_window(backend64):
    layer, rng = Conv2d((5, 6, 2), 3), np.random.default_rng(0)
    x, w, b = rng.normal(size=(4, 60)), rng.normal(size=(18, 3)), rng.normal(size=3)
    layer.bind(backend64, {"W": backend64.array(w), "b": backend64.array(b)})
    y = backend64.to_numpy(layer.forward(backend64.array(x), Context(backend64))[0]).reshape(4, *layer.out)
    pictures = x.reshape(4, 5, 6, 2)
    for row, column in np.ndindex(2, 2):
        window = pictures[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3, :].reshape(4, 18)
        np.testing.assert_allclose(y[:, row, column], window @ w + b, rtol=1e-12)


class OverlapsOverwrite(Conv2d):
    """Where windows overlap, the last one counts alone."""

    def backward(self, dy, cache, grads=None, want_dx=True):
        dx = super().backward(dy, cache, grads, want_dx)
        if want_dx:
            x, _ = cache
            dy = np.reshape(dy, (-1, self.out[2]))
            dpatches = np.reshape(dy @ self.W.T, (-1, *self.out[:2], self.kernel**2, self.shape[2]))
            dx = np.zeros_like(x)
            for k, window in enumerate(self.windows()):
                dx[window] = dpatches[:, :, :, k, :]
            dx = np.reshape(dx, (x.shape[0], -1))
        return dx


class NoBias(Conv2d):
    """The bias has no gradient."""

    def backward(self, dy, cache, grads=None, want_dx=True):
        return super().backward(dy, cache, grads and {**grads, "b": 0 * grads["b"]}, want_dx)


@pytest.mark.parametrize("wrong", [OverlapsOverwrite, NoBias])
def test_a_wrong_conv2d_is_rejected(wrong):
    with pytest.raises(GradientError):
        check_layer(wrong((5, 5, 1), 2), np.random.default_rng(0).normal(size=(3, 25)))


def test_conv2d_and_the_encoder_are_as_short_as_promised():
    for thing, most in ((Conv2d, 36), (conv_encoder, 10)):
        tree = ast.parse(inspect.getsource(thing))
        lines = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                lines.add(node.lineno)
        assert len(lines) <= most, len(lines)


# Networks of one's own -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["aae", "semi-supervised", "clustering"])
def test_build_takes_an_encoder_and_a_decoder(mode):
    config = tiny_config(mode)
    model = build(config, Backend.named("numpy"), encoder=small_conv, decoder=one_layer_decoder)
    assert isinstance(model.networks["Q"].stack.layers[0], Conv2d) and len(model.networks["P"].stack.layers) == 2
    for batch in Batches(tiny_dataset(), config, model.backend).epoch(0):
        values = model.step(batch)
    assert all(np.isfinite(float(value)) for value in values.values())


def test_every_phase_with_a_convolutional_encoder_passes_its_gradient_check():
    backend = Backend.named("numpy", "float64")
    config = tiny_config("semi-supervised")
    model = build(config, backend, encoder=small_conv)
    batch = next(Batches(tiny_dataset(), config, backend).epoch(0))
    for phase in model.phases_with_optimizer():
        assert check_phase(phase, batch) < 1e-4


def test_a_convolutional_encoder_learns():
    config = tiny_config("aae", input_noise=0.0, lr_reconstruction=1e-2)
    model = build(config, Backend.named("numpy"), encoder=small_conv)
    batches, images = Batches(tiny_dataset(), config, model.backend), tiny_dataset().x_test
    before = np.mean((model.reconstruct(images) - images / 255) ** 2)
    for epoch in range(20):
        for batch in batches.epoch(epoch):
            model.step(batch)
    assert np.mean((model.reconstruct(images) - images / 255) ** 2) < 0.9 * before


def test_a_step_with_a_convolution_is_replayed_bit_for_bit():
    ends = []
    for backend in (TapeBackend(), NumpyBackend(threads=1)):
        config = tiny_config("aae")
        model = build(config, backend, encoder=small_conv)
        for batch in Batches(tiny_dataset(), config, backend).epoch(0):
            model.step(batch)
        ends.append({name: backend.to_numpy(array).tobytes() for name, array in model.state().items()})
    assert ends[0] == ends[1]


def too_narrow(make):
    c = make.config
    return Encoder(make.backend, [Linear(c.inputs, c.y_dim + c.z - 1)], c.y_dim, c.posterior)


def too_small(make):
    c = make.config
    return Decoder(make.backend, [Linear(c.decoder_y_dim + c.z, c.inputs - 1)])


def test_an_encoder_of_another_width_is_refused_before_training():
    said = refusal(build, tiny_config("aae"), Backend.named("numpy"), encoder=too_narrow)
    assert said == "Q: z is (2, 7), expected (n, 8); is its last layer as wide as y and z?"


def test_a_decoder_of_another_width_is_refused_before_training():
    said = refusal(build, tiny_config("aae"), Backend.named("numpy"), decoder=too_small)
    assert said == "P: its image is (2, 35), expected (n, 36); is its last layer as wide as an image?"


def test_a_network_put_in_by_hand_is_not_saved(tmp_path):
    """A load would build another one from config.json, perhaps one whose weights happen to fit."""
    model = build(tiny_config("aae"), Backend.named("numpy"), encoder=small_conv)
    folder = RunFolder.create(tmp_path / "run")
    said = refusal(folder.save, model, tinyaae.training.checkpoint.START)
    assert said.startswith("network: Q or P put in by hand") and "registered by @tinyaae.mode" in said
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_a_mode_with_an_encoder_of_its_own_trains_and_loads(tmp_path):
    @tinyaae.mode("conv-aae", like="aae")
    def conv_aae(make):
        """An AAE whose encoder has a convolution."""
        make.encoder = lambda: small_conv(make)
        return aae(make)

    try:
        run = tinyaae.train(
            "conv-aae", data=tiny_dataset(), out=tmp_path / "run", hidden=(8, 7), epochs=1, batch_size=10
        )
        images = tiny_dataset().x_test
        np.testing.assert_array_equal(tinyaae.load(tmp_path / "run").encode(images).z, run.model.encode(images).z)
    finally:
        del MODES["conv-aae"]


# The example ---------------------------------------------------------------------------------------------------------


def test_the_example_trains_an_aae_with_convolutions_on_mnist(capsys):
    own_layer.main(["--epochs", "2", "--images", "2000"])
    linear, convolutional = capsys.readouterr().out.splitlines()
    assert linear.startswith("linear") and convolutional.startswith("convolutional")
    error = float(re.search(r"error (\d+\.\d+)", convolutional)[1])
    assert error < 45  # an image of grey has 52, twice the variance of its pixels
