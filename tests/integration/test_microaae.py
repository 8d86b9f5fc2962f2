"""What `examples/microaae.py` promises: one short file of NumPy that trains as the library does, number by number."""

import ast
import importlib.util
import sys

import numpy as np
import pytest
from tiny import CLASSES, REPOSITORY, SIDE, assembled, tiny_config

from tinyaae.backend import Backend
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.data import load_mnist, unit_interval

FILE = REPOSITORY / "examples" / "microaae.py"
PIXELS, STYLE, HIDDEN = SIDE * SIDE, 4, 8
RECIPE = dict(  # the file's, as flags of the library
    hidden=(HIDDEN, HIDDEN), z=STYLE, condition_on_y=True, input_noise=0.4, reconstruction="cross-entropy",
    batch_norm=True, head_norm=True, decoder_norm=False, optimizer="adam", lr_reconstruction=1e-3,
    lr_adversarial=6e-4, adversarial_momentum=0.5, lr_classifier=0.1,
)  # fmt: skip
LOSSES = ["cross_entropy", "D_cat", "D_gauss", "G_cat", "G_gauss", "classification"]  # in the order of the file
NETWORKS = ["Q", "P", "D_cat", "D_gauss"]
DECAY = [1.0, 1.0, 0.4, 0.1, 0.01]  # of the rates, step by step


@pytest.fixture
def microaae(monkeypatch):
    """The file as a module, in float64."""
    spec = importlib.util.spec_from_file_location("microaae", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FLOAT", np.float64)
    return module


class Replay:
    """In place of the file's NumPy generator: gives again, in order, what the library has drawn."""

    def __init__(self):
        self.drawn = []

    def recording(self, draw):
        def call(backend, place, shape):
            noise = draw(backend, place, shape)
            self.drawn.append(noise.copy())  # a layer adds the image to it in place
            return noise

        return call

    def standard_normal(self, shape, dtype):
        assert self.drawn[0].shape == shape and self.drawn[0].dtype == dtype
        return self.drawn.pop(0)

    def integers(self, k, size):
        assert self.drawn[0].shape == (size, 1)
        return (self.drawn.pop(0)[:, 0] * k).astype(int)


class Beside:
    """The file and the library after the same steps, from the same weights, on the same batches and draws."""

    def __init__(self, microaae, monkeypatch):
        self.replay = Replay()
        for name in ("normal", "uniform"):
            monkeypatch.setattr(NumpyBackend, name, self.replay.recording(getattr(Backend, name)))
        self.library, batches = assembled(tiny_config(**RECIPE), NumpyBackend("float64"))
        self.model = microaae.AdversarialAutoencoder(np.random.default_rng(0), PIXELS, CLASSES, STYLE, HIDDEN)
        self.model.rng = self.replay
        for name in NETWORKS:
            for w, same in zip(self.weights(name), self.expected_weights(name), strict=True):
                w[...] = same
        self.losses, self.expected = [], []
        for batch, self.model.decay in zip(batches.epoch(0), DECAY, strict=False):
            for phase in self.library.phases_with_optimizer():
                phase.optimizer.lr_scale = self.model.decay
            values = self.library.step(batch)
            self.expected.append([float(values[name]) for name in LOSSES])
            self.losses.append(self.model.step(batch.x, batch.x_labelled, batch.y_labelled))
        self.batch = batch

    def weights(self, name):
        return [w for layer in getattr(self.model, name).layers for w in layer.weights]

    def expected_weights(self, name):
        """The library's, in the shapes of the file."""
        weights = self.weights(name)
        parts = np.split(self.library.networks[name].flat, np.cumsum([w.size for w in weights]))
        assert parts.pop().size == 0
        return [part.reshape(w.shape) for w, part in zip(weights, parts, strict=True)]


@pytest.fixture
def beside(microaae, monkeypatch):
    return Beside(microaae, monkeypatch)


@pytest.mark.parametrize("name", NETWORKS)
def test_after_five_steps_the_weights_are_those_of_the_library(beside, name):
    for k, (w, expected) in enumerate(zip(beside.weights(name), beside.expected_weights(name), strict=True)):
        cancels = name == "Q" and k % 4 == 1  # b before batch norm, which subtracts it: its gradient is rounding alone
        np.testing.assert_allclose(w, expected, rtol=1e-10, atol=1e-9 if cancels else 0)


def test_the_losses_of_all_phases_are_those_of_the_library(beside):
    np.testing.assert_allclose(beside.losses, beside.expected, rtol=1e-10)


def test_the_steps_take_all_that_the_library_draws_and_no_more(beside):
    assert beside.replay.drawn == []


def test_in_evaluation_q_outputs_what_the_library_does(beside):
    code = beside.library.encode(beside.batch.x)
    expected = np.concatenate([code.logits, code.z], axis=1)
    ours = beside.model.Q.forward(beside.batch.x, training=False)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


def test_every_weight_is_moved(beside, microaae):
    fresh = microaae.AdversarialAutoencoder(np.random.default_rng(0), PIXELS, CLASSES, STYLE, HIDDEN)
    for name in NETWORKS:
        for layer, w in zip(getattr(fresh, name).layers, getattr(beside.model, name).layers, strict=True):
            assert not any(np.array_equal(a, b) for a, b in zip(layer.weights, w.weights, strict=True))


def test_weights_are_drawn_as_the_library_draws_them(microaae):
    W, b = microaae.Linear(300, 200, np.random.default_rng(0)).weights
    assert np.std(W) == pytest.approx(1 / np.sqrt(3 * 300), rel=0.02) and np.all(b == 0)


def test_it_reads_mnist_as_the_library_does(microaae):
    x, labels = microaae.load("t10k")
    mnist = load_mnist()
    assert np.allclose(x, unit_interval(mnist.x_test), atol=1e-7) and np.array_equal(labels, mnist.y_test)


def test_it_has_at_most_200_lines():
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 200


def test_its_lines_fit_100_columns():
    assert max(map(len, FILE.read_text(encoding="utf-8").splitlines())) <= 100


def test_it_imports_nothing_but_numpy_and_the_standard_library():
    tree = ast.walk(ast.parse(FILE.read_text(encoding="utf-8")))
    names = {node.names[0].name if isinstance(node, ast.Import) else node.module for node in tree if is_import(node)}
    assert {name.split(".")[0] for name in names} <= {"numpy", *sys.stdlib_module_names}


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)
