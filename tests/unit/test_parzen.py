"""Parzen windows: the likelihood of the definition, in chunks, on every backend, stopped and continued."""

import math

import numpy as np
import pytest
from tiny import refusal, tiny_dataset, tiny_model

from tinyaae.data import unit_interval
from tinyaae.metrics import likelihood as parzen
from tinyaae.metrics.likelihood import (
    CHUNK,
    FINER,
    SIGMAS,
    GeneratedSamples,
    Windows,
    WithBar,
    in_short,
    likelihood,
    parzen_log_likelihood,
    parzen_sigma,
    squared_distances,
    stream,
)

DATASET = tiny_dataset()
IMAGES, VALIDATION = DATASET.x_test, DATASET.x_train[:20]


def parzen_by_definition(samples, images, sigma):
    square = np.sum((images[:, None, :] - samples[None, :, :]) ** 2, axis=2)
    density = np.mean(np.exp(-square / (2 * sigma**2)), axis=1) / (sigma * math.sqrt(2 * math.pi)) ** images.shape[1]
    return np.log(density)


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 1, (30, 4)), rng.uniform(0, 1, (11, 4))


def test_likelihood_is_that_of_the_definition(cloud):
    values = parzen_by_definition(*cloud, 0.3)
    mean, error = parzen_log_likelihood([cloud[0]], cloud[1], 0.3)
    assert (mean, error) == pytest.approx((np.mean(values), np.std(values) / math.sqrt(11)))


@pytest.mark.parametrize("size", [1, 7, 15])
def test_likelihood_does_not_depend_on_the_chunks(cloud, size):
    chunks = [cloud[0][k : k + size] for k in range(0, 30, size)]
    whole = parzen_log_likelihood([cloud[0]], cloud[1], 0.3)
    assert parzen_log_likelihood(chunks, cloud[1], 0.3) == pytest.approx(whole)


def test_likelihood_of_images_far_from_every_sample_is_finite(cloud):
    mean, _ = parzen_log_likelihood([cloud[0]], cloud[1] + 1000, 0.1)
    assert -math.inf < mean < -1e6


def test_width_of_the_window_is_the_likeliest(cloud):
    sigma, curve = parzen_sigma([cloud[0]], cloud[1])
    values = [np.mean(parzen_by_definition(*cloud, width)) for width, _ in curve]
    assert [value for _, value in curve] == pytest.approx(values)
    assert sigma == curve[int(np.argmax(values))][0]
    assert {width for width, _ in curve} >= set(SIGMAS)


@pytest.mark.parametrize("scale", [0.2, 5])
def test_search_goes_on_where_the_best_width_is_the_last(cloud, scale):
    samples, images = (scale * part for part in cloud)
    sigma, curve = parzen_sigma([samples], images)
    values = [np.mean(parzen_by_definition(samples, images, width)) for width, _ in curve]
    assert [value for _, value in curve] == pytest.approx(values)
    assert sigma == curve[int(np.argmax(values))][0] not in (curve[0][0], curve[-1][0])
    assert not SIGMAS[0] <= sigma <= SIGMAS[-1]


@pytest.mark.parametrize("scale", [0.2, 1, 5])
def test_search_is_finer_beside_the_best_width(cloud, scale):
    sigma, curve = parzen_sigma([scale * cloud[0]], scale * cloud[1])
    widths = np.array([width for width, _ in curve])
    coarse, ratios = SIGMAS[1] / SIGMAS[0], widths[1:] / widths[:-1]
    fine = np.isclose(ratios, coarse ** (1 / FINER))
    assert np.sum(fine) == 2 * FINER
    assert ratios[~fine] == pytest.approx(coarse)
    first, *_, last = np.flatnonzero(fine)
    assert widths[first] < sigma < widths[last + 1]


def test_one_sample_by_hand():
    # one window of width 2 at (0, 0), one image at (3, 4): ln p = −25/8 − ln(2π·4)
    mean, error = parzen_log_likelihood([np.zeros((1, 2))], np.array([[3.0, 4.0]]), 2.0)
    assert (mean, error) == (pytest.approx(-25 / 8 - math.log(8 * math.pi)), 0)


def test_two_samples_by_hand():
    # windows of width 1 at 0 and 2, images at 0 and 1: p(0) = (1 + e^−2) / 2√2π, p(1) = e^−½ / √2π
    first, second = math.log((1 + math.exp(-2)) / 2), -0.5
    normal = math.log(2 * math.pi) / 2
    mean, error = parzen_log_likelihood([np.array([[0.0], [2.0]])], np.array([[0.0], [1.0]]), 1.0)
    assert mean == pytest.approx((first + second) / 2 - normal)
    assert error == pytest.approx(abs(first - second) / 2 / math.sqrt(2))


@pytest.mark.without_kernels
def test_several_widths_at_once_are_each_as_if_alone(backend64):
    rng = np.random.default_rng(1)
    samples, images = rng.uniform(size=(9, 4)), rng.uniform(size=(5, 4))
    windows = Windows(backend64, images, [0.2, 0.5])
    for rows in (slice(0, 4), slice(4, 9)):
        windows.add(backend64.array(samples[rows]))
    expected = [parzen_by_definition(samples, images, sigma) for sigma in (0.2, 0.5)]
    np.testing.assert_allclose(windows.values(), expected, rtol=1e-10)


@pytest.mark.without_kernels
def test_sums_in_single_precision_are_good_to_a_thousandth(backend):
    rng = np.random.default_rng(1)
    samples, images = rng.uniform(size=(50, 784)), rng.uniform(size=(20, 784))
    windows = Windows(backend, images, [0.2])
    windows.add(backend.array(samples))
    np.testing.assert_allclose(windows.values()[0], parzen_by_log(samples, images, 0.2), atol=0.05)


def parzen_by_log(samples, images, sigma):
    exponent = -np.sum((images[:, None, :] - samples[None, :, :]) ** 2, axis=2) / (2 * sigma**2)
    top = np.max(exponent, axis=1)
    density = top + np.log(np.mean(np.exp(exponent - top[:, None]), axis=1))
    return density - images.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))


@pytest.mark.without_kernels
def test_squared_distances(backend64):
    a, b = np.array([[0.0, 0], [1, 2]]), np.array([[3.0, 4], [1, 2], [0, 1]])
    square = squared_distances(backend64.xp, backend64.array(a), backend64.array(b))
    np.testing.assert_allclose(backend64.to_numpy(square), [[25, 5, 1], [8, 0, 2]], atol=1e-12)


# Samples of a model


def test_generated_samples_are_the_same_from_anywhere():
    model = tiny_model("aae")
    whole = np.concatenate(list(GeneratedSamples(model, 2 * CHUNK + 7)))
    assert whole.shape == (2 * CHUNK + 7, 36)
    assert len(np.unique(whole, axis=0)) > 1.9 * CHUNK  # a few saturate and are equal
    np.testing.assert_array_equal(np.concatenate(list(GeneratedSamples(model, 2 * CHUNK + 7, CHUNK))), whole[CHUNK:])


@pytest.mark.parametrize("mode", ["supervised", "clustering", "reduction"])
def test_generated_samples_have_a_y_of_their_own_where_p_reads_one(mode):
    model = tiny_model(mode)
    read, decoder = [], model.networks["P"]
    forward = decoder.forward
    decoder.forward = lambda code, ctx: read.append(code.y) or forward(code, ctx)
    images = np.concatenate(list(GeneratedSamples(model, CHUNK)))
    y = np.concatenate(read)
    assert images.shape == (CHUNK, 36) and set(y.flat) == {0, 1} and (y.sum(axis=1) == 1).all()
    assert y.mean(axis=0) == pytest.approx(1 / y.shape[1], abs=0.1)


def test_the_likelihood_of_a_model_is_that_of_its_samples():
    model = tiny_model("aae")
    samples = np.concatenate(list(GeneratedSamples(model, 300)))
    found = likelihood(model, IMAGES, VALIDATION, 300)
    expected = parzen_by_log(samples, unit_interval(IMAGES), found["parzen_sigma_300"])
    assert found["log_likelihood_300"] == pytest.approx(np.mean(expected), abs=1e-3)
    assert found["parzen_searched_300"] == 300


@pytest.mark.parametrize("n, short", [(10_000_000, "10m"), (500_000, "500k"), (1_000, "1k"), (1_234, "1234")])
def test_number_of_samples_in_short(n, short):
    assert in_short(n) == short


def test_ten_million_samples_go_by_the_name_that_result_json_promises():
    found = parzen.report(10_000_000, 427.0, 1.0, 0.2, [])
    assert found["log_likelihood_10m"] == 427 and found["parzen_searched_10m"] == parzen.SEARCHED


# Stopped and continued


class Stopped(Exception):
    pass


@pytest.fixture
def model():
    return tiny_model("aae")


@pytest.fixture
def stop_after(monkeypatch):
    """Return a function: from then on the sums are written at each chunk, and the n + 1st raises `Stopped`."""
    add = Windows.add

    def arrange(n):
        left = [n]

        def adding(self, samples):
            if len(self.sigmas) == 1:  # the search of σ is not counted
                if left[0] == 0:
                    raise Stopped
                left[0] -= 1
            add(self, samples)

        monkeypatch.setattr(parzen, "EVERY", -1)
        monkeypatch.setattr(Windows, "add", adding)

    return arrange


def test_stopped_and_continued_is_as_if_never_stopped(model, stop_after, tmp_path):
    n = 4 * CHUNK
    whole = likelihood(model, IMAGES, VALIDATION, n)
    file = tmp_path / "parzen.npz"
    stop_after(2)
    with pytest.raises(Stopped):
        stream(model, IMAGES, VALIDATION, n, file, quiet=True)
    with np.load(file) as saved:
        assert saved["count"] == 2 * CHUNK
    stop_after(2)  # any more would raise
    assert stream(model, IMAGES, VALIDATION, n, file, quiet=True) == whole


def test_sums_are_whole_at_the_end(model, tmp_path):
    file = tmp_path / "parzen.npz"
    stream(model, IMAGES, VALIDATION, CHUNK + 500, file, quiet=True)
    with np.load(file) as saved:
        assert saved["count"] == CHUNK + 500


def test_bar_counts_chunks_from_where_the_sums_were_continued(model, monkeypatch):
    made = []
    monkeypatch.setattr(parzen, "tqdm", lambda chunks, *what, **how: made.append((*what, how["initial"])) or chunks)
    chunks = WithBar(GeneratedSamples(model, 2 * CHUNK + 500, CHUNK), "samples")
    for _ in range(2):  # each pass has a bar of its own
        assert [len(chunk) for chunk in chunks] == [CHUNK, 500]
    assert made == [("samples", 3, 1)] * 2


def test_sums_of_other_weights_are_refused(model, tmp_path):
    file = tmp_path / "parzen.npz"
    stream(model, IMAGES, VALIDATION, 500, file, quiet=True)
    model.networks["P"].flat += 1
    assert "other weights" in refusal(stream, model, IMAGES, VALIDATION, 500, file, quiet=True)


def test_sums_of_other_images_are_refused(model, tmp_path):
    file = tmp_path / "parzen.npz"
    stream(model, IMAGES, VALIDATION, 500, file, quiet=True)
    assert "or images" in refusal(stream, model, 255 - IMAGES, VALIDATION, 500, file, quiet=True)


def test_damaged_sums_are_refused(model, tmp_path):
    file = tmp_path / "parzen.npz"
    file.write_bytes(b"nonsense")
    assert "cannot be read" in refusal(stream, model, IMAGES, VALIDATION, 500, file, quiet=True)


def test_sums_of_another_shape_are_refused(model, tmp_path):
    file = tmp_path / "parzen.npz"
    stream(model, IMAGES, VALIDATION, 500, file, quiet=True)
    with np.load(file) as saved:
        arrays = dict(saved)
    np.savez(file, **arrays | {"sigma": np.ones(3)})
    assert "sigma is (3,) float64, expected () floating" in refusal(
        stream, model, IMAGES, VALIDATION, 500, file, quiet=True
    )
