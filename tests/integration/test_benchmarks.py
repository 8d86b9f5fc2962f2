"""The contenders of benchmarks/step.py do the same work: from the same weights and noise come the same losses."""

import json
import os
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
from fake_cupy import COMPILER
from tiny import REPOSITORY

from benchmarks import gpu, picture, scaling, step
from benchmarks.contenders import LOSSES, Floor, Jax, Tinyaae, Torch
from benchmarks.workload import CLASSES, PIXELS, STYLE, Workload

SMALL = dict(width=12, batch=7)
STEPS, TOLERANCE = 6, 2e-4


class Noise:
    """The same noise for every contender, in the order in which a step asks for it."""

    def __init__(self, convert=lambda x: x):
        self.rng, self.convert = np.random.default_rng(0), convert

    def normal(self, shape):
        return self.convert(self.rng.normal(size=tuple(shape)).astype(np.float32))

    def one_hot(self, n, k):
        return self.convert(np.eye(k, dtype=np.float32)[self.rng.integers(0, k, n)])

    def all(self):
        """Return a whole step's."""
        n = SMALL["batch"]
        images = [self.normal((n, PIXELS)), self.normal((n, PIXELS))]
        return [*images, self.one_hot(n, CLASSES), self.normal((n, STYLE)), self.normal((n, PIXELS))]


def losses_of(contender):
    """Return the losses (STEPS, 6) of the first steps."""
    found = []
    for k in range(STEPS):
        found.append([float(loss) for loss in contender.step(contender.load(Workload(**SMALL).images(k)))])
    return np.array(found)


@pytest.fixture
def tinyaae_with(monkeypatch):
    """Return a function that runs tinyaae on an optimizer, with the shared noise in place of its own."""

    def run(optimizer):
        contender, noise = Tinyaae(Workload(**SMALL, optimizer=optimizer), 1), Noise()
        monkeypatch.setattr(contender.backend, "normal", lambda place, shape: noise.normal(shape))
        discriminate = contender.model.phases[1].discriminate
        y_prior = discriminate.adversaries[0].prior
        monkeypatch.setattr(y_prior, "sample", lambda n, ctx, labels=None: noise.one_hot(n, CLASSES))
        return losses_of(contender)

    return run


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
def test_torch_computes_the_losses_of_tinyaae(tinyaae_with, optimizer, fused):
    torch = pytest.importorskip("torch")
    peer = Torch(Workload(**SMALL, optimizer=optimizer), 1, fused=fused, draws=Noise(torch.tensor))
    np.testing.assert_allclose(losses_of(peer), tinyaae_with(optimizer), rtol=TOLERANCE)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_jax_computes_the_losses_of_tinyaae(tinyaae_with, optimizer):
    pytest.importorskip("jax")
    peer = Jax(Workload(**SMALL, optimizer=optimizer), 1, draws=Noise())
    np.testing.assert_allclose(losses_of(peer), tinyaae_with(optimizer), rtol=TOLERANCE)


def test_the_losses_move_by_more_than_the_tolerance(tinyaae_with):
    losses = tinyaae_with("adam")
    assert losses.shape == (STEPS, len(LOSSES))
    assert np.all(np.ptp(losses, axis=0) > 2 * TOLERANCE * losses[0])


def test_the_floor_is_the_products_that_tinyaae_computes(monkeypatch):
    work = Workload(**SMALL)
    computed = []

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **rest):
            shapes = [np.shape(x) for x in inputs]
            column_times_row = [*map(len, shapes)] == [2, 2] and shapes[0][1] == shapes[1][0] == 1
            if ufunc is np.matmul or (ufunc is np.multiply and column_times_row):  # the same numbers
                computed.append((*shapes[0], shapes[1][1]))
            plain = [x.view(np.ndarray) if isinstance(x, np.ndarray) else x for x in inputs]
            rest |= {"out": tuple(x.view(np.ndarray) for x in out)} if out else {}
            return np.asarray(getattr(ufunc, method)(*plain, **rest)).view(Counted)

    contender = Tinyaae(work, 1)
    for network in contender.model.networks.values():
        network.flat = network.flat.view(Counted)
        network.stack.bind(contender.backend, network.views(network.flat))
    contender.step(contender.load(work.images()))
    assert sorted(computed) == sorted((m, k, n) for _, m, k, n in work.products())


def test_a_step_of_the_paper_has_seven_gflop():
    assert Workload().flops == pytest.approx(7.1e9, rel=0.01)


def test_the_floor_runs():
    floor = Floor(Workload(**SMALL), 1)
    floor.step(None)
    assert len(floor.products) == len(Workload(**SMALL).products())


CHILDREN = {  # what a contender does after it has said that it is ready
    "tinyaae": "for line in sys.stdin: print(2.0, flush=True)",
    "jax-jit": "input(); print(1.0, flush=True)",  # and ends after its first turn
}


def test_a_contender_that_ends_loses_only_itself_and_jax_multiplies_in_float32(monkeypatch):
    environments, popen = [], subprocess.Popen

    def child(command, env, **options):
        name = command[command.index("--contender") + 1]
        environments.append(env)
        return popen([sys.executable, "-c", f"import sys\nprint('ready', flush=True)\n{CHILDREN[name]}"], **options)

    monkeypatch.setattr(step.subprocess, "Popen", child)
    args = SimpleNamespace(backend="cupy", threads=1, rounds=3, steps=1, width=8, batch=5, optimizer="adam")
    monkeypatch.setattr(step, "commit", lambda: "none")
    report = step.race(["tinyaae", "jax-jit"], Workload(**SMALL), args)
    assert report["median_ms"] == {"tinyaae": 2.0}
    assert report["missing"] == {"jax-jit": "it ended in round 2"}
    assert environments[0]["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"


def test_every_peer_on_a_gpu_has_its_time():
    assert {"tinyaae", *gpu.PEERS} == step.CONTENDERS["cupy"].keys()


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="g++ is not installed")
def test_the_look_at_a_gpu_goes_through_on_the_stand_in(tmp_path, monkeypatch):
    """Two seeds side by side share the device; what is finished is not run again, and that is no success."""
    (tmp_path / "cupy.py").write_text("import fake_cupy; fake_cupy.stand_in()\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(gpu.ROOT / "tests" / "support")]))
    out, runs = tmp_path / "out", ["--runs", "semi-supervised-100 0,1 2 --epochs 1 --hidden 8 --images 300"]
    parts = "probe,steps,peers,tests,runs"
    assert gpu.main(["--out", str(out), "--parts", parts, "--limit", "3000", "--rehearse", *runs]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert len(summary) == 1 + 3 + len(gpu.PEERS) + 1
    for peer in gpu.PEERS:
        assert "tinyaae" in json.loads((out / f"{peer}.json").read_text())["median_ms"]
    with tarfile.open(out / "runs.tar.gz") as archive:
        names = archive.getnames()
    assert {f"runs/semi-supervised-100/seed-{seed}/result.json" for seed in (0, 1)} <= set(names)
    assert gpu.main(["--out", str(out), "--parts", "runs", *runs]) == 1
    assert "nothing was run" in (out / "summary.json").read_text()


def test_runs_on_a_gpu_are_named_or_the_look_at_it_says_how(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        gpu.main(["--out", str(tmp_path), "--parts", "probe,runs"])
    assert stop.value.code == 2 and "--runs 'semi-supervised-100 0-4 5" in capsys.readouterr().err


REPORT = {  # of benchmarks/scaling.py, with round numbers
    "median_ms": {"1": 100.0, "2": 70.0}, "undivided_ms": 20.0, "bytes": 40_000_000, "messages": 5,
    "all_reduce_us": {"2": 4.0}, "all_reduce_16mb_ms": {"2": 8.004}, "width": 1000, "batch": 100, "optimizer": "adam",
    "machine": "made up", "cores": 2, "date": "2026-01-01", "commit": "none",
}  # fmt: skip


def test_the_model_of_one_rank_is_what_was_measured():
    assert scaling.modelled(REPORT, 1, 1e9, 1e-3) == 100


def test_the_model_divides_the_work_but_neither_the_optimizers_nor_the_message():
    assert scaling.modelled(REPORT, 4, 1e9, 1e-3) == pytest.approx(20 + 80 / 4 + 1.5 * 40 + 5 * 6 * 1)


def test_the_memory_of_this_machine_is_modelled_as_its_all_reduces_were_measured():
    bandwidth, latency = scaling.memory_of(REPORT, "2")
    assert latency == pytest.approx(2e-6) and bandwidth == pytest.approx(16e6 / 8e-3)


def test_the_paragraph_says_where_it_stops_paying():
    words = scaling.paragraph(REPORT)
    assert "2 ranks are 1.43 times as fast as one" in words
    assert "Over 1 Gbit/s Ethernet it never pays: two ranks are" in words
    assert "Over 100 Gbit/s InfiniBand it pays up to 4 ranks" in words  # 46.3 ms: 20 + 20 + 4.8 + 0.06 are 2.2 of 4
    assert "80 ms of work are divided by the ranks; the optimizers' 20 ms and the 40 MB" in words


def test_the_picture_shows_every_size_of_the_table_and_every_contender(tmp_path):
    ratios = picture.table((REPOSITORY / "benchmarks" / "README.md").read_text(encoding="utf-8"))
    assert set(ratios) == {(250, 100), (1000, 100), (4000, 100), (1000, 1000)}
    assert all(len(found) == len(picture.CONTENDERS) and min(found) >= 1 for found in ratios.values())
    picture.draw(tmp_path / "cost.png", ratios)
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")
