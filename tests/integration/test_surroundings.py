"""What a run stands: any stream, any MPLBACKEND, no folder for Matplotlib, a quota of processors, a fork, a copy."""

import copy
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from tiny import BATCH, REPOSITORY, assembled, refusal, tiny_config, tiny_dataset, tiny_model, tiny_run, write_npz

import tinyaae
from tinyaae import cli, figures
from tinyaae.backend import Backend
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.modes import MODES
from tinyaae.phases import Reconstruction
from tinyaae.surroundings import cpu_quota, expanded, usable_cpus
from tinyaae.training.run_folder import RunFolder

posix = pytest.mark.skipif(os.name != "posix", reason="shells and pipes of POSIX")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
TRAIN = ["--mode", "autoencoder", "--data", "data.npz", "--hidden", "8,7", "--batch-size", str(BATCH), "--epochs", "2"]
NO_FOLDER = """
import tempfile
def refuse(*arguments, **named):
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile.mkdtemp = refuse
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in an empty folder with the tiny data.npz, which is the home folder, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    write_npz(tmp_path / "data.npz")
    return tmp_path


@pytest.fixture
def without_folders(tmp_path):
    """The environment in which Matplotlib finds no folder for its cache; nothing is drawn there, which is quick."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_FOLDER)
    nowhere = str(tmp_path / "data.npz" / "nowhere")
    paths = os.pathsep.join([str(tmp_path / "site"), str(REPOSITORY)])
    return {"PYTHONPATH": paths, "MPLCONFIGDIR": nowhere}


def command(*words, **options):
    """Start run_mnist.py or, after -m or -c, another program; keywords in capitals are environment variables."""
    program = words if words[:1] in (("-m",), ("-c",)) else (str(REPOSITORY / "run_mnist.py"), *words)
    named = {name: options.pop(name) for name in list(options) if name.isupper()}
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)} | named
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, *program], env=environment, text=True, errors="replace", **pipes)


def done(*words, **options):
    """Run a program as `command` starts it; return the status, and what is on standard output and error."""
    process = command(*words, **options)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


# Matplotlib


@pytest.mark.parametrize("name", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_a_backend_for_windows_that_is_not_here_is_not_needed(name):
    assert done("--help", MPLBACKEND=name)[0] == 0


def test_pictures_are_drawn_whatever_mplbackend_says(here):
    tiny_run(here / "run", "autoencoder", data=str(here / "data.npz"))
    status, out, err = done("-m", "tinyaae", "draw", "run", MPLBACKEND="nonsense")
    assert (status, err) == (0, "") and "pictures in run" in out


def test_a_backend_that_is_here_stays_the_users():
    code = "import tinyaae.figures, matplotlib; print(matplotlib.get_backend())"
    assert done("-c", code, MPLBACKEND="svg") == (0, "svg\n", "")


def test_matplotlib_is_loaded_where_something_is_drawn():
    code = "import sys, tinyaae.cli, lessons.student; sys.exit('matplotlib' in sys.modules)"
    assert done("-c", code)[0] == 0


def test_without_a_folder_for_matplotlib_a_run_ends_without_pictures(here, without_folders):
    status, out, _ = done(*TRAIN, "--out", "run", **without_folders)
    assert status == 0 and "MPLCONFIGDIR" in out
    (warning,) = [words for words in RunFolder.open("run").result()["warnings"] if "no pictures" in words]
    assert "set MPLCONFIGDIR to a folder that can be written" in warning
    status, out, err = done("-m", "tinyaae", "draw", "run", **without_folders)
    assert (status, out, err.count("\n")) == (2, "", 1) and "MPLCONFIGDIR" in err
    status, out, err = done("--evaluate", "run", **without_folders)
    assert (status, err) == (0, "") and "reconstruction error" in out


# Standard output and error


def test_a_letter_that_the_output_lacks_is_a_question_mark(here, without_folders):
    for encoding in ("ascii", "cp1252"):
        status, out, _ = done(*TRAIN, "--out", f"{encoding}-café-σ", PYTHONIOENCODING=encoding, **without_folders)
        assert status == 0 and (here / f"{encoding}-café-σ" / "result.json").is_file() and "?" in out


@posix
def test_help_in_the_c_locale():
    status, out, _ = done("--help", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert status == 0 and "--mode" in out


@posix
def test_a_closed_pipe_ends_the_run_quietly_after_saving(here, without_folders):
    more = ["--epochs", "3000", "--save-every", "3000", "--out", "run"]
    process = command(*TRAIN, *more, **without_folders)
    while not process.stdout.readline().startswith("epoch"):
        pass
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (141, "")
    process.stderr.close()
    model, _ = assembled(tinyaae.load("run").config)
    position = RunFolder.open("run").restore(model)
    assert position != (0, 0, {})
    assert len(RunFolder.open("run").metrics()) == position.epoch


@posix
@pytest.mark.parametrize("words", [["--help"], ["-m", "tinyaae", "modes"], ["-m", "lessons"]])
def test_a_closed_pipe_ends_other_programs_quietly(words):
    read, write = os.pipe()
    os.close(read)
    status, _, err = done(*words, stdout=write)
    os.close(write)
    assert (status, err) == (141, "")


@full
def test_a_full_output_does_not_end_a_run(here, without_folders):
    with open("/dev/full", "w") as nowhere:
        status, _, err = done(*TRAIN, "--out", "run", stdout=nowhere, **without_folders)
    assert (status, err.count("\n")) == (0, 1) and "standard output: cannot be written (No space left" in err
    assert (here / "run" / "result.json").is_file()


@full
@pytest.mark.parametrize("words", [["--evaluate", "run"], ["--help"], ["-m", "tinyaae", "modes"], ["-m", "lessons"]])
def test_what_could_only_be_printed_and_was_not_is_told(here, words):
    tiny_run(here / "run", "autoencoder", data=str(here / "data.npz"))
    with open("/dev/full", "w") as nowhere:
        status, _, err = done(*words, stdout=nowhere)
    assert (status, err.count("\n")) == (2, 1) and "standard output: cannot be written" in err


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_end_a_run(here, without_folders, closed):
    words = " ".join([sys.executable, str(REPOSITORY / "run_mnist.py"), *TRAIN, "--out run", closed])
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"} | without_folders
    assert subprocess.run(words, shell=True, env=environment, capture_output=True, timeout=120).returncode == 0
    folder = RunFolder.open("run")
    model, _ = assembled(folder.config())
    assert folder.restore(model).epoch == 2 and folder.result() is not None


@posix
def test_a_folder_that_is_gone_and_a_narrow_terminal(here):
    def leave():
        os.mkdir(here / "gone")
        os.chdir(here / "gone")
        os.rmdir(here / "gone")

    assert done("--help", COLUMNS="1", preexec_fn=leave)[0] == 0
    status, out, err = done(*TRAIN, preexec_fn=leave)
    assert (status, out, err.count("\n")) == (2, "", 1)


# Paths


def test_the_home_folder_is_expanded_in_every_flag_that_takes_a_path(here, monkeypatch, capsys):
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found: [folder.figures / "none.png"])
    assert cli.main([*TRAIN, "--data=~/data.npz", "--out=~/run", "--quiet"]) == 0
    assert cli.main(["--evaluate=~/run"]) == 0
    assert cli.main(["--resume=~/run"]) == 0
    assert tinyaae.load("~/run").config.data == str(here / "data.npz")
    assert tinyaae.train("autoencoder", data="~/data.npz", out="~/two", epochs=1, hidden=(8,), batch_size=BATCH)
    assert {path.name for path in here.iterdir()} == {"data.npz", "run", "two"}


def test_a_home_folder_that_is_not_known_is_told(here, capsys):
    assert cli.main([*TRAIN, "--out=~nobody-of-that-name/x"]) == 2
    assert "no such home folder is known" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["data.npz"]
    assert expanded("a~b") == "a~b"


# Processes and copies


def stepped(model, batch):
    """Return the losses of a step and the sum of each network's weights."""
    values = {name: float(value) for name, value in model.step(batch).items()}
    return values, {name: float(np.sum(network.flat)) for name, network in model.networks.items()}


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_process_computes_the_same():
    model, batches = assembled(tiny_config("aae", hidden=(800, 800)), NumpyBackend(threads=2))
    first, second = list(batches.epoch(0))[:2]
    model.step(first)
    assert model.backend._pool is not None  # there are threads, which a fork leaves behind
    read, write = multiprocessing.get_context("fork").Pipe(duplex=False)

    def send():
        write.send(stepped(model, second))

    process = multiprocessing.get_context("fork").Process(target=send)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork where there are threads
        process.start()
    came = read.recv() if read.poll(60) else None
    process.kill()
    process.join()
    assert came == stepped(model, second)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_trains_as_the_model_does_and_apart_from_it(mode, copied):
    model = tiny_model(mode)
    other = copied(model)
    before = {name: array.copy() for name, array in model.state().items()}
    _, batches = assembled(model.config)
    batch = next(iter(batches.epoch(1)))
    theirs = stepped(other, batch)
    assert all(np.array_equal(before[name], array) for name, array in model.state().items())
    assert theirs == stepped(model, batch)


def test_a_copy_keeps_a_phase_that_was_added_by_hand():
    model = tiny_model("autoencoder")
    encoder, decoder = model.networks["Q"], model.networks["P"]
    more = Reconstruction(encoder, decoder, type(model.phases[0].optimizer)(1e-3))
    more.name = "more"
    model.phases.append(more)
    other = copy.deepcopy(model)
    assert other.phases[-1].name == "more" and other.phases[-1].encoder is other.networks["Q"] is not encoder


@pytest.mark.parametrize("name", ["numpy", "numpy-fast"])
def test_a_backend_is_pickled_by_its_name(name):
    if name == "numpy-fast":
        pytest.importorskip("numba")
    backend = Backend.named(name, "float64")
    other = pickle.loads(pickle.dumps(backend))
    assert (type(other), other.dtype, other.threads) == (type(backend), np.float64, backend.threads)
    assert other.xp.fused.keys() == backend.xp.fused.keys() and copy.deepcopy(backend) is backend


def test_a_backend_of_a_load_may_be_a_name(here):
    tiny_run(here / "run", "autoencoder")
    assert tinyaae.load(here / "run", backend="numpy").backend.name == "numpy"
    assert "'torch' is not a backend" in refusal(tinyaae.load, here / "run", backend="torch")


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"n": -1}, "n=-1 given, expected a whole number from 0 up"),
        ({"n": 2.5}, "n=2.5 given"),
        ({"n": "3"}, "n='3' given"),
        ({"n": 3, "candidates": 1.5}, "candidates=1.5 given, expected a whole number from 1 up"),
        ({"n": 3, "seed": -1}, "seed=-1 given"),
        ({"n": 3, "labels": 7}, "label 7, expected 0 to 2"),
        ({"n": 3, "labels": [[0], [1], [2]]}, "labels are (3, 1), expected (n,)"),
    ],
)
def test_samples_that_cannot_be_are_told_in_one_line(wrong, says):
    assert says in refusal(assembled(tiny_config())[0].sample, **wrong)


def test_an_interpolation_of_less_than_no_steps_is_told():
    model, (a, b) = tiny_model("autoencoder"), tiny_dataset().x_test[:2]
    assert "steps=-1 given" in refusal(model.interpolate, a, b, -1)


# Processors


def group(folder, **files):
    """Write the files of a control group; the names have _ for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("cpu_", "cpu.", 1)).write_text(text)


@pytest.mark.parametrize(
    "own, folder, files, expected",
    [
        ("0::/\n", ".", {"cpu_max": "100000 100000\n"}, 1),
        ("0::/\n", ".", {"cpu_max": "150000 100000\n"}, 2),
        ("0::/\n", ".", {"cpu_max": "1000 100000\n"}, 1),
        ("0::/\n", ".", {"cpu_max": "max 100000\n"}, None),
        ("0::/a/b\n", "a", {"cpu_max": "200000 100000\n"}, 2),
        ("0::/docker/x\n", ".", {"cpu_max": "300000 100000\n"}, 3),
        ("1:cpu,cpuacct:/a\n", "cpu,cpuacct/a", {"cpu_cfs_quota_us": "200000\n", "cpu_cfs_period_us": "100000\n"}, 2),
        ("1:cpu:/docker/x\n", "cpu", {"cpu_cfs_quota_us": "100000\n", "cpu_cfs_period_us": "100000\n"}, 1),
        ("1:cpu:/\n", "cpu", {"cpu_cfs_quota_us": "-1\n", "cpu_cfs_period_us": "100000\n"}, None),
        ("2:memory:/a\n", "memory/a", {"cpu_max": "100000 100000\n"}, None),
        ("garbage", ".", {"cpu_max": "garbage"}, None),
    ],
)
def test_a_quota_of_a_container_is_read(tmp_path, own, folder, files, expected):
    (tmp_path / "own").write_text(own)
    group(tmp_path / "root" / folder, **files)
    assert cpu_quota(str(tmp_path / "root"), str(tmp_path / "own")) == expected
    assert cpu_quota(str(tmp_path / "none"), str(tmp_path / "none")) is None


def test_a_quota_limits_the_threads(monkeypatch):
    for name in tinyaae.surroundings.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tinyaae.surroundings, "cpu_quota", lambda: 1)
    monkeypatch.setattr(tinyaae.surroundings, "bound_cpus", lambda: 8)
    assert usable_cpus() == tinyaae.surroundings.threads_by_quota() == NumpyBackend().threads == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert tinyaae.surroundings.threads_by_quota() is None


# The clock


def test_the_seconds_of_a_run_count_from_the_call(here, monkeypatch, capsys):
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found: [folder.figures / "none.png"])
    for name in ("one", "two"):
        started = time.perf_counter()
        assert cli.main([*TRAIN, "--out", name, "--quiet"]) == 0
        took = time.perf_counter() - started
        assert json.loads((here / name / "result.json").read_text())["seconds"] <= took + 0.1
