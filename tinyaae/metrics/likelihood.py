"""Estimate the log-likelihood of test images by Parzen windows on a model's samples (section 3 of the paper).

A Gaussian window of width σ stands on each of N samples: p(x) = 1/N Σ_s N(x; s, σ²I). ln p(x) is averaged over the test
images. σ is searched on validation images. More samples always give more: the paper has 340 with 10 000 and 427 with 10
million. So samples pass in chunks and only sums are kept, in the memory of one chunk for any N. `stream` writes these
sums to a file at intervals, so an hour's work can be stopped and continued.
"""

import math
import os
import sys
import time
from itertools import pairwise
from zlib import crc32

import numpy as np
from tqdm import tqdm

from ..backend import Backend, Context
from ..data import unit_interval
from ..data.files import write_safely
from ..data.npz import read_arrays
from ..errors import UserError

CHUNK = 1000  # samples at a time, and images: a million distances, which stay in a CPU's cache
SIGMAS = [float(sigma) for sigma in np.geomspace(0.1, 0.4, 13)]
FINER = 4  # parts into which the search divides each step of `SIGMAS` next to the best σ
SEARCHED = 1_000_000  # most samples that the search of σ uses
EVERY = 30  # seconds between two writes of the sums


class Windows:
    """Running sums of ln p(x) for images (n, d), for each of several `sigmas` (s,), as samples stream past.

    `nearest` (n,) is the smallest squared distance of each image. `total` (s, n) is, for each σ, the sum of
    exp(−(‖x − s‖² − nearest) / 2σ²). It is at least 1, so its logarithm is finite however far the samples are.
    """

    def __init__(self, backend, images, sigmas):
        self.backend, self.sigmas, self.count = backend, list(sigmas), 0
        self.images = backend.array(images)
        self.nearest = self._float64(np.full(len(images), np.inf))
        self.total = self._float64(np.zeros((len(self.sigmas), len(images))))

    def _float64(self, values):
        return self.backend.array(values, self.backend.xp.float64)

    def add(self, samples):
        """Add samples (m, d), an array on the device, to the sums."""
        xp = self.backend.xp
        n = self.images.shape[0]
        for start in range(0, n, CHUNK):
            rows = slice(start, min(start + CHUNK, n))
            square = squared_distances(xp, self.images[rows, :], samples)
            before = self.nearest[rows]
            nearest = xp.minimum(before, xp.astype(xp.min(square, axis=1), xp.float64))
            square -= xp.astype(nearest, square.dtype)[:, None]
            for k, sigma in enumerate(self.sigmas):
                scale = -1 / (2 * sigma * sigma)
                fresh = xp.sum(xp.exp(square * scale), axis=1, dtype=xp.float64)
                self.total[k, rows] = self.total[k, rows] * xp.exp((before - nearest) * scale) + fresh
            self.nearest[rows] = nearest
        self.count += samples.shape[0]

    def values(self):
        """Return ln p(x) (s, n) in nats, on the host."""
        nearest, total = self.backend.to_numpy(self.nearest), self.backend.to_numpy(self.total)
        sigmas = np.array(self.sigmas)[:, None]
        normal = math.log(self.count) + self.images.shape[1] * np.log(sigmas * math.sqrt(2 * math.pi))
        return np.log(total) - nearest / (2 * sigmas**2) - normal

    def state(self):
        """Return the sums that `restore` needs, as name -> host array."""
        nearest, total = self.backend.to_numpy(self.nearest), self.backend.to_numpy(self.total)
        return {"nearest": nearest, "total": total, "count": np.int64(self.count)}

    def restore(self, state):
        self.nearest, self.total = self._float64(state["nearest"]), self._float64(state["total"])
        self.count = int(state["count"])


def squared_distances(xp, a, b):
    """Return ‖a_i − b_j‖² for rows (n, d), (m, d) -> (n, m), as ‖a‖² + ‖b‖² − 2a·b: one matrix product."""
    square = a @ b.T
    square *= -2
    square += xp.sum(a * a, axis=1)[:, None]
    square += xp.sum(b * b, axis=1)[None, :]
    return square


class GeneratedSamples:
    """Yield `n` images that P decodes from the prior, from number `first` on, in chunks on the device.

    Each iteration yields the same images. With `candidates` > 1 each z is resampled from that many (`Model.draw`).
    """

    def __init__(self, model, n, first=0, candidates=1):
        self.model, self.n, self.first, self.candidates = model, n, first, candidates

    def __iter__(self):
        model, evaluation = self.model, Context(self.model.backend)
        decoder = model.networks["P"]
        for start in range(self.first, self.n, CHUNK):
            ctx = Context(model.backend, seed=1, stream="parzen", step=start // CHUNK)
            code = model.draw(min(CHUNK, self.n - start), ctx, candidates=self.candidates)
            yield decoder.image(decoder.forward(code, evaluation)[0])


def parzen_log_likelihood(chunks, images, sigma, backend=None):
    """Return the mean of ln p(x) over `images` (n, d), in nats, and its standard error.

    A window of width `sigma` stands on every sample of `chunks`, an iterable of (m, d) arrays on the device of
    `backend`. The default is NumPy in the images' precision.
    """
    windows = Windows(backend or Backend.named("numpy", str(images.dtype)), images, [sigma])
    for samples in chunks:
        windows.add(samples)
    return mean_and_error(windows.values()[0])


def mean_and_error(values):
    """Return the mean of values (n,) and its standard error."""
    return float(np.mean(values)), float(np.std(values) / math.sqrt(len(values)))


def parzen_sigma(chunks, validation, images=1000, backend=None):
    """Return the σ with the highest likelihood of the first `images` of `validation`, and the curve [[σ, ln p], …].

    The first pass over `chunks` measures the 13 widths of `SIGMAS`. Where the best is the narrowest or the widest,
    further passes search beyond. The last pass measures widths between the best and its neighbours. There the
    likelihood can be another two or three nats higher.
    """
    validation, curve, grid = validation[:images], {}, SIGMAS
    backend = backend or Backend.named("numpy", str(validation.dtype))

    def measure(sigmas):
        windows = Windows(backend, validation, sigmas)
        for samples in chunks:
            windows.add(samples)
        curve.update(zip(sigmas, np.mean(windows.values(), axis=1).tolist(), strict=True))
        return max(curve, key=curve.get)

    while grid:
        best, low, high = measure(grid), min(curve), max(curve)
        step = SIGMAS[1] / SIGMAS[0]
        grid = [low / step**k for k in range(1, 7)] if best == low and low > 0.01 else []
        grid = [high * step**k for k in range(1, 7)] if best == high and high < 10 else grid
    widths = sorted(curve)
    around = widths[max(widths.index(best) - 1, 0) : widths.index(best) + 2]
    best = measure([a * (b / a) ** (k / FINER) for a, b in pairwise(around) for k in range(1, FINER)])
    return best, [[sigma, curve[sigma]] for sigma in sorted(curve)]


def likelihood(model, images, validation, samples, candidates=1):
    """Return the likelihood of test images (n, d) under `samples` images from the prior, as entries of result.json.

    With `candidates` > 1, D_gauss resamples each z from that many draws.
    """
    images, validation = unit_interval(images), unit_interval(validation)
    few = GeneratedSamples(model, min(samples, SEARCHED), candidates=candidates)
    sigma, curve = parzen_sigma(few, validation, backend=model.backend)
    mean, error = parzen_log_likelihood(
        GeneratedSamples(model, samples, candidates=candidates), images, sigma, model.backend
    )
    return report(samples, mean, error, sigma, curve, candidates)


def report(samples, mean, error, sigma, curve, candidates=1):
    """Return the entries of result.json; their names end in the number of samples, except for 10 000."""
    end = suffix(samples, candidates)
    return {
        f"log_likelihood{end}": mean,
        f"log_likelihood_stderr{end}": error,
        f"parzen_sigma{end}": sigma,
        f"parzen_searched{end}": min(samples, SEARCHED),
        f"parzen_curve{end}": curve,
    }


def suffix(samples, candidates=1):
    """Return the end of the names of such entries."""
    return ("" if samples == 10_000 else "_" + in_short(samples)) + ("_resampled" if candidates > 1 else "")


def in_short(n):
    """Return 10m for 10 000 000, 500k for 500 000, and so on."""
    for unit, letter in ((1_000_000, "m"), (1000, "k")):
        if n % unit == 0:
            return f"{n // unit}{letter}"
    return str(n)


def stream(model, images, validation, samples, file, quiet=False):
    """Return the entries of `likelihood`, with a progress bar, and sums in `file` (.npz): the same call continues them.

    The caller deletes `file`. Raises `UserError` where the file is damaged or of another model.
    """
    images, validation = unit_interval(images), unit_interval(validation)
    weights = b"".join(model.backend.to_numpy(part).tobytes() for part in model.networks["P"].state().values())
    of = np.array([crc32(weights), crc32(images.tobytes()), len(images), samples])
    if os.path.isfile(file):
        kept = read_sums(file, of)
        sigma, curve = float(kept["sigma"]), kept["curve"].tolist()
    else:
        few = min(samples, SEARCHED)
        chunks = WithBar(GeneratedSamples(model, few), "searching σ", quiet)
        (sigma, curve), kept = parzen_sigma(chunks, validation, backend=model.backend), None
    windows = Windows(model.backend, images, [sigma])
    keep = {"of": of, "sigma": np.float64(sigma), "curve": np.array(curve)}

    def write():
        write_safely(file, lambda out: np.savez(out, **keep, **windows.state()))
        return time.monotonic()

    if kept:
        windows.restore(kept)
    written = write()
    for chunk in WithBar(GeneratedSamples(model, samples, windows.count), "samples", quiet):
        windows.add(chunk)
        if time.monotonic() - written > EVERY or windows.count == samples:
            written = write()
    return report(samples, *mean_and_error(windows.values()[0]), sigma, curve)


class WithBar:
    """Yield `generated_samples` with a progress bar for each pass, unless `quiet` or without a terminal."""

    def __init__(self, generated_samples, what, quiet=False):
        self.generated_samples, self.what, self.quiet = generated_samples, what, quiet

    def __iter__(self):
        done, whole = self.generated_samples.first // CHUNK, math.ceil(self.generated_samples.n / CHUNK)
        show = dict(unit="k", disable=self.quiet or None, leave=False, file=sys.stderr)
        yield from tqdm(self.generated_samples, self.what, whole, initial=done, **show)


def read_sums(file, of):
    """Return the arrays that `stream` wrote; `UserError` where they are damaged or their `of` is another."""
    _, _, n, _ = of.tolist()
    sums = {"nearest": ((n,), "floating"), "total": ((1, n), "floating"), "count": ((), "integer")}
    search = {"sigma": ((), "floating"), "curve": ((None, 2), "floating")}
    kept = read_arrays(file, {"of": (of.shape, "integer")} | search | sums, "delete it to begin anew")
    if kept["of"].tolist() != of.tolist():
        raise UserError(
            f"{file}: holds sums of other weights or images; was the run trained on, its data changed? delete it"
        )
    return kept
