"""Training on many machines: real ranks, started by mpiexec, against one process.

Without mpi4py and an MPI these tests are skipped: `pip install -e ".[mpi]"`.
"""

import copy
import inspect
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_cupy import COMPILER
from ranks import RANK_CASES, RANKS, WITHOUT_GPU, arrays_after_training
from tiny import REPOSITORY, assembled, refusal, tiny_config, tiny_run, write_npz

from tinyaae import extras, phases
from tinyaae.backend import Backend, Context
from tinyaae.backend.distributed import base as distributed
from tinyaae.backend.distributed import mpi
from tinyaae.backend.distributed import nccl as cupy_messages
from tinyaae.errors import UserError
from tinyaae.surroundings import usable_cpus
from tinyaae.training.run_folder import RunFolder

BESIDE = Path(sys.executable).with_name("mpiexec")  # where pip puts MPICH's
NCCL_CALLS = ["all_reduce", "all_gather", "broadcast"]
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
FLAGS = ["--hidden", "8,7", "--batch-size", "10", "--labels", "6", "--epochs", "3", "--seed", "1"]
needs_mpi = pytest.mark.skipif(
    not (MPIEXEC and find_spec("mpi4py")), reason="mpi4py or mpiexec is not installed: pip install -e '.[mpi]'"
)


def mpiexec(n, *command, **more):
    """Return the finished job of n ranks, all on this machine, each with one thread and willing to yield its core."""
    polite = {"MPIR_CVAR_POLLS_BEFORE_YIELD": "1", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}  # MPICH
    polite |= {"OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}  # Open MPI
    polite |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "support")])
    environment = os.environ | polite | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths, "MPLBACKEND": "agg"} | more
    line = [MPIEXEC, "-n", str(n), sys.executable, *map(str, command)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300)


def ranks(n, *arguments):
    return mpiexec(n, REPOSITORY / "tests" / "support" / "ranks.py", *arguments)


def run_mnist(n, *arguments):
    return mpiexec(n, REPOSITORY / "run_mnist.py", *arguments)


# The same numbers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Number of ranks -> what they found in every case; one job for all cases, for starting one takes a second."""
    jobs = {}

    def of(n):
        if n not in jobs:
            file = tmp_path_factory.mktemp("ranks") / f"{n}.npz"
            job = ranks(n, "train", file)
            assert job.returncode == 0, job.stderr
            with np.load(file) as arrays:
                jobs[n] = dict(arrays)
        return jobs[n]

    return of


@pytest.fixture(scope="module")
def alone():
    """Name of a case -> what one process finds."""
    done = {}
    return lambda name: done[name] if name in done else done.setdefault(name, arrays_after_training(RANK_CASES[name]))


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", RANKS)
@pytest.mark.parametrize("name", RANK_CASES)
def test_ranks_that_share_the_batches_do_what_one_process_does(found, alone, name, n):
    job = {key.removeprefix(f"{name}/"): array for key, array in found(n).items() if key.startswith(f"{name}/")}
    assert job.pop("apart") == 0
    assert job.keys() == alone(name).keys()
    for key, array in alone(name).items():
        np.testing.assert_allclose(job[key], array, rtol=0, atol=1e-10, err_msg=key)


@needs_mpi
@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="g++ is not installed")
def test_ranks_with_the_backend_of_cupy_do_what_one_process_does(tmp_path):
    job = ranks(2, "without-gpu", tmp_path / "found.npz")
    assert job.returncode == 0, job.stderr
    with np.load(tmp_path / "found.npz") as arrays:
        for name in WITHOUT_GPU:
            for key, array in arrays_after_training(RANK_CASES[name], without_gpu=True).items():
                np.testing.assert_allclose(arrays[f"{name}/{key}"], array, rtol=0, atol=1e-10, err_msg=f"{name} {key}")


def test_the_arguments_of_nccl_are_those_that_cupy_takes():
    cupyx = pytest.importorskip("cupyx.distributed")
    takes = {name: inspect.signature(getattr(cupyx.NCCLBackend, name)).bind for name in NCCL_CALLS}
    asked = []
    nccl = cupy_messages.Nccl.__new__(cupy_messages.Nccl)
    nccl.communicator, nccl.backend = OneOf(0, 2), Backend.named("numpy")
    nccl.nccl = SimpleNamespace(
        **{name: lambda *a, name=name: asked.append((name, takes[name](None, *a).arguments)) for name in NCCL_CALLS}
    )
    x = np.ones((2, 3))
    for call in (nccl.all_reduce_sum, nccl.gather, nccl.share):
        call(x)
    reduced, gathered, sent = (arguments for _, arguments in asked)
    assert [name for name, _ in asked] == NCCL_CALLS
    assert reduced["in_array"] is x and reduced["out_array"] is x and sent["in_out_array"] is x
    assert gathered["out_array"].shape == (2, 2, 3) and gathered["count"] == 6
    inspect.signature(distributed.NCCLBackend.__init__).bind(None, 2, 0, use_mpi=True)


@pytest.mark.parametrize("name", RANK_CASES)
def test_twenty_steps_move_every_network_far_beyond_the_tolerance(alone, name):
    model, _ = assembled(RANK_CASES[name], Backend.named("numpy", "float64"))
    before = {key: array.copy() for key, array in model.state().items()}
    moved = {key: np.max(np.abs(alone(name)[key] - array)) for key, array in before.items() if key.endswith("flat")}
    assert min(moved.values()) > 1e-5, moved


def test_the_cases_have_every_phase_there_is():
    def kinds(base):
        return {base} | {kind for sub in base.__subclasses__() for kind in kinds(sub)}

    here = {kind for kind in kinds(phases.Phase) if kind.__module__ in (phases.__name__, extras.__name__)}
    models = [assembled(config)[0] for config in RANK_CASES.values()]
    used = {type(phase) for model in models for phase in model.phases_with_optimizer()}
    assert used == here - {phases.Phase}


# One rank of four, without the others ------------------------------------------------------------------------------


class OneOf(distributed.SingleProcess):
    """Rank `rank` of a communicator of `size` that nobody else has joined."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_each_rank_draws_its_rows_of_what_one_process_draws(draw):
    whole = getattr(Context(Backend.named("numpy"), True), draw)((8, 3))
    parts = [getattr(Context(Backend.named("numpy").join(OneOf(k, 4)), True), draw)((2, 3)) for k in range(4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_of_two_batches_on_top_of_each_other_a_rank_draws_its_rows_of_both():
    whole = Context(Backend.named("numpy"), True).stacked(2).uniform((8, 3))
    mine = Context(Backend.named("numpy").join(OneOf(1, 2)), True).stacked(2).uniform((4, 3))
    np.testing.assert_array_equal(mine, whole[[2, 3, 6, 7]])


def test_a_stacked_pass_goes_on_counting_draws():
    once, stacked = [Context(Backend.named("numpy"), True) for _ in range(2)]
    expected = [once.normal((2,)).tolist() for _ in range(3)]
    assert [stacked.normal((2,)).tolist(), *(stacked.stacked(2).normal((2,)).tolist() for _ in range(2))] == expected


def test_a_pass_that_is_no_training_is_the_same_on_every_rank():
    draws = [Context(Backend.named("numpy").join(OneOf(k, 4))).normal((2, 3)) for k in range(4)]
    assert all(np.array_equal(draws[0], other) for other in draws)


def test_the_parts_of_all_ranks_make_up_the_batch():
    _, batches = assembled(tiny_config(batch_size=8, labels=8))
    whole = next(batches.epoch(1, 3))
    parts = []
    for rank in range(4):
        backend = Backend.named("numpy").join(OneOf(rank, 4))
        parts.append(next(assembled(tiny_config(batch_size=8, labels=8), backend)[1].epoch(1, 3)))
    for field in ("x", "x_labelled", "y_labelled"):
        shares = [getattr(part, field) for part in parts]
        np.testing.assert_array_equal(np.concatenate(shares), getattr(whole, field))


@pytest.mark.parametrize(
    "size, flags, words",
    [
        (4, {}, "--batch-size: a step has 10 images, expected a multiple of 4, the number of ranks; 8?"),
        (5, {}, "--labels or --batch-size: a step has 6 labelled images, expected a multiple of 5, the number of"),
        (20, {}, "--batch-size: a step has 10 images, expected a multiple of 20, the number of ranks; 20?"),
    ],
)
def test_a_batch_that_cannot_be_dealt_out_is_refused_in_one_line(size, flags, words):
    assert words in refusal(assembled, tiny_config(**flags), Backend.named("numpy").join(OneOf(0, size)))


def test_without_mpiexec_no_mpi_is_imported():
    code = "import sys, run_mnist; run_mnist.main(['--mode', 'none']); sys.exit('mpi4py' in sys.modules)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "OMPI", "MPI"))}
    job = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert job.returncode == 0 and "no mode 'none'" in job.stderr


@pytest.mark.parametrize("variable", distributed.SIZES)
def test_mpiexec_without_mpi4py_is_one_line(monkeypatch, variable):
    monkeypatch.setenv(variable, "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)  # as if it were not there
    assert re.fullmatch(
        r"mpiexec started 4 processes, but mpi4py cannot be loaded \(.*\); pip .*", refusal(distributed.started)
    )


@pytest.mark.parametrize("rank, said", [("0", 1), ("3", 0)])
def test_of_many_processes_without_mpi4py_one_says_so(monkeypatch, capsys, rank, said):
    from tinyaae import cli as program

    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setenv("PMI_RANK", rank)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert program.main([]) == 2
    assert capsys.readouterr().err.count("mpi4py cannot be loaded") == said


@needs_mpi
def test_an_mpiexec_of_another_mpi_is_noticed():
    environment = os.environ | {"OMPI_COMM_WORLD_SIZE": "4"}  # Open MPI's would say so to a process of MPICH
    line = [sys.executable, "run_mnist.py"]
    job = subprocess.run(line, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert job.returncode == 2 and len(job.stderr.splitlines()) == 1
    assert "mpiexec started 4 processes, but mpi4py knows of 1" in job.stderr


# Ranks that are threads, for where there is no MPI ----------------------------------------------------------------


class Shared:
    """What the ranks of a world of threads have in common."""

    def __init__(self, size):
        self.size, self.given, self.barrier = size, [None] * size, threading.Barrier(size, timeout=60)


class ThreadWorld:
    """What `mpi.MPICommunicator` asks of an MPI communicator, among threads of one process."""

    IN_PLACE, MAX, COMM_TYPE_SHARED = None, "max", "shared"

    def __init__(self, shared, rank):
        self.shared, self.rank = shared, rank

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.shared.size

    def Split_type(self, kind):
        return self

    def Dup(self):
        return self

    def allgather(self, mine):
        self.shared.barrier.wait()
        self.shared.given[self.rank] = copy.deepcopy(mine)
        self.shared.barrier.wait()
        return list(self.shared.given)

    def bcast(self, mine):
        return self.allgather(mine)[0]

    def Allreduce(self, _, x, operation="sum"):
        x[...] = getattr(np, operation)(self.allgather(x), axis=0)

    def Allgather(self, x, everybody):
        everybody[...] = self.allgather(x)

    def Bcast(self, x):
        x[...] = self.bcast(x)

    def Ibarrier(self):
        self.shared.barrier.wait()
        return SimpleNamespace(Test=lambda: True)


def among_threads(size, job):
    """Return what `job(ranks)` returns, or the exception it raises, on each rank of several threads."""
    shared = Shared(size)

    def one(rank):
        world = ThreadWorld(shared, rank)
        try:
            return job(mpi.MPICommunicator(world, world))
        except Exception as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


@pytest.mark.parametrize("name", ["semi-supervised", "dropout in D", "extras"])
def test_ranks_that_are_threads_do_what_one_process_does(alone, name):
    for found in among_threads(2, lambda ranks: arrays_after_training(RANK_CASES[name], ranks)):
        for key, array in alone(name).items():
            np.testing.assert_allclose(found[key], array, rtol=0, atol=1e-10, err_msg=key)


def test_rank_0_alone_acts_and_all_have_its_result():
    acted = []
    assert among_threads(3, lambda ranks: ranks.on_rank_0(lambda: acted.append(ranks.rank) or "done")) == ["done"] * 3
    assert acted == [0]


def test_what_rank_0_raises_all_raise():
    def refuse():
        raise UserError("a full disk")

    errors = among_threads(3, lambda ranks: ranks.on_rank_0(refuse))
    assert [(type(error), str(error)) for error in errors] == [(UserError, "a full disk")] * 3


def test_an_exception_that_cannot_be_sent_is_sent_in_words():
    class Local(Exception):
        pass

    def refuse():
        raise Local("something odd")

    first, other = among_threads(2, lambda ranks: ranks.on_rank_0(refuse))
    assert type(first) is Local and type(other) is RuntimeError and str(other) == "Local: something odd"


def test_while_rank_0_acts_alone_its_communicator_has_one_process():
    def act(ranks):
        x = np.ones(3)
        both = (
            ranks.mean(x) is x,
            ranks.gather(x).shape,
            ranks.all_reduce_max(1, 2),
            ranks.on_rank_0(lambda: "nested"),
            ranks.size,
        )
        ranks.broadcast(x)
        return both

    found = among_threads(2, lambda ranks: ranks.on_rank_0(lambda: act(ranks)))
    assert found == [(True, (1, 3), [1, 2], "nested", 1)] * 2


def test_ranks_agree_on_the_largest():
    assert among_threads(3, lambda ranks: ranks.all_reduce_max(ranks.rank, -ranks.rank)) == [[2, 0]] * 3


def test_a_checkpoint_read_by_rank_0_is_restored_on_all(tmp_path):
    model, folder = tiny_run(tmp_path / "run")

    def restored(ranks):
        other, _ = assembled(model.config, Backend.named("numpy").join(ranks))
        position = RunFolder.open(folder.path, ranks).restore(other)
        return position.epoch, other.state(), [phase.optimizer.steps for phase in other.phases_with_optimizer()]

    for epoch, state, steps in among_threads(2, restored):
        assert epoch == 2 and steps == [phase.optimizer.steps for phase in model.phases_with_optimizer()]
        assert all(np.array_equal(state[name], array) for name, array in model.state().items())


# The whole program -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("data") / "data.npz")


@pytest.fixture(scope="module")
def pair(tmp_path_factory, data):
    """The folders of the same run by one process and by two ranks, and the job of the two."""
    folder = tmp_path_factory.mktemp("pair")
    one = run_mnist(1, *FLAGS, "--data", data, "--out", folder / "one", "--quiet")
    assert one.returncode == 0, one.stderr
    two = run_mnist(2, *FLAGS, "--data", data, "--out", folder / "two")
    assert two.returncode == 0, two.stderr
    return folder / "one", folder / "two", two


@needs_mpi
@pytest.mark.slow
def test_two_ranks_train_what_one_process_trains(pair):
    one, two = (RunFolder.open(path).metrics() for path in pair[:2])
    for ours, theirs in zip(one, two, strict=True):
        for name in ("cross_entropy", "D_cat", "D_gauss", "G_cat", "G_gauss", "classification", "reconstruction_error"):
            assert theirs[name] == pytest.approx(ours[name], rel=1e-3), name  # float32, and Adam (see ranks.py)


@needs_mpi
@pytest.mark.slow
def test_rank_0_alone_prints_and_writes(pair):
    one, two, job = pair
    assert job.stdout.count("numpy, 2 ranks, seed 1") == 1
    assert len(re.findall("^epoch", job.stdout, re.M)) == 3 and job.stdout.count("pictures in") == 1
    assert {path.name for path in two.rglob("*")} == {path.name for path in one.rglob("*")}
    assert ("wait for each other" in job.stdout) == (usable_cpus() < 2)
    result = RunFolder.open(two).result()
    assert result["machine"].startswith("2 ranks of ") and RunFolder.open(two).config().ranks == 2
    assert result.keys() == RunFolder.open(one).result().keys()


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("how, status", [("kill", 9), ("raise", 1)])
def test_a_rank_that_dies_ends_the_job_and_leaves_a_checkpoint_to_go_on_from(tmp_path, data, pair, how, status):
    job = ranks(2, how, *FLAGS, "--data", data, "--out", tmp_path / "run", "--save-minutes", "0")
    assert job.returncode == status
    if how == "raise":
        assert "RuntimeError: a mistake in the program" in job.stderr and "rank 1 ends all 2" in job.stderr
    else:
        assert "signal 9" in job.stdout + job.stderr or "Killed" in job.stdout + job.stderr
    again = run_mnist(2, "--resume", tmp_path / "run", "--quiet")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == (pair[1] / "checkpoint.npz").read_bytes()


@needs_mpi
@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all_after_saving(tmp_path, data, pair):
    job = ranks(2, "interrupt", *FLAGS, "--data", data, "--out", tmp_path / "run")
    assert job.returncode == 130
    assert job.stderr.count("interrupted; saved after epoch 0, step 8, continue with --resume") == 1
    again = run_mnist(2, "--resume", tmp_path / "run", "--quiet")
    assert again.returncode == 0, again.stderr
    for name in ("checkpoint.npz", "best.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (pair[1] / name).read_bytes()
    ours, theirs = (RunFolder.open(path).metrics() for path in (tmp_path / "run", pair[1]))
    assert [row | {"seconds": 0} for row in ours] == [row | {"seconds": 0} for row in theirs]


@needs_mpi
@pytest.mark.slow
def test_a_signal_to_rank_0_while_it_evaluates_and_the_others_wait_ends_the_job(tmp_path, data):
    job = ranks(2, "evaluate", *FLAGS, "--data", data, "--out", tmp_path / "run")
    assert job.returncode == 130
    assert "interrupted; saved after epoch 3, continue with --resume" in job.stderr


@needs_mpi
@pytest.mark.slow
def test_all_ranks_agree_that_the_numbers_have_diverged(tmp_path, data):
    job = ranks(2, "diverge", *FLAGS, "--data", data, "--out", tmp_path / "run")
    assert job.returncode == 3
    assert job.stderr.count("diverged by step 11 of epoch 1") == 1


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(
    "n, arguments, words",
    [
        (4, FLAGS, "--batch-size: a step has 10 images, expected a multiple of 4"),
        (2, ["--mode", "none"], "there is no mode 'none'"),
        (2, ["--evaluate", "run"], "--evaluate: is the work of one process, not of 2; leave mpiexec out"),
        (2, ["--resume", "nowhere"], "no config.json there"),
        (2, ["--no-such-flag"], "unrecognized arguments"),
    ],
)
def test_a_mistake_is_one_line_however_many_ranks_make_it(tmp_path, data, n, arguments, words):
    job = run_mnist(n, *arguments, *(["--data", data, "--out", tmp_path / "run"] if arguments is FLAGS else []))
    assert job.returncode == 2 and words in job.stderr and len(job.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
