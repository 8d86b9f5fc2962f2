"""What `python run_mnist.py` promises: a run from start to end, and for every mistake one line, status 2, no trace."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from tiny import REPOSITORY, SIDE, STEPS, arrays, assembled, refusal, takes, tiny_config, tiny_dataset, write_npz

import tinyaae
from tinyaae import cli, figures
from tinyaae.backend import Backend
from tinyaae.config.modes import MODES
from tinyaae.errors import Interrupted
from tinyaae.model import Model, build
from tinyaae.priors import Gaussian
from tinyaae.training import Batches, train
from tinyaae.training.collapse import CollapseMonitor
from tinyaae.training.run_folder import RunFolder

SMALL = ["--hidden", "8,7", "--epochs", "2", "--batch-size", "10"]
TINY = ["--data", "data.npz", *SMALL]
SEMI = [*TINY, "--labels", "6"]
RESULT = {"revision", "mode", "seed", "backend", "labels", "epochs", "seconds", "machine"}
RESULT |= {"stopped_after", "test_error", "reconstruction_error", "warnings", "per_label", "commit"}
LIKELIHOOD = ("log_likelihood", "log_likelihood_stderr", "parzen_sigma", "parzen_searched", "parzen_curve")
RESULT |= {name + end for name in LIKELIHOOD for end in ("", "_resampled")}
RESULT |= {"content_accuracy", "exchange_accuracy", "style_leak", "style_leak_chance", "style_spread", "judge_accuracy"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in an empty folder with the tiny data.npz."""
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "data.npz")
    return tmp_path


@pytest.fixture
def undrawn(monkeypatch):
    """Draw nothing: pictures take longer than the tiny runs, and have tests of their own."""
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found: [folder.figures / "none.png"])


@pytest.fixture
def command(capsys):
    """Return a function that runs run_mnist.py in this process: arguments -> status, stdout, stderr."""

    def run(*arguments):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def finished(command, undrawn, here):
    """The folder of a finished run."""
    assert command(*SEMI, "--out", "done", "--quiet")[0] == 0
    return here / "done"


def everything(folder):
    """Return path -> bytes of every file below `folder`, and None for folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def process(*arguments, **options):
    """Start run_mnist.py as a process of its own."""
    line = [sys.executable, str(REPOSITORY / "run_mnist.py"), *arguments]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, env=environment, text=True, **pipes, **options)


def interrupt_at(monkeypatch, step):
    """Press Ctrl-C in the given training step, counted from 0."""
    steps, original = iter(range(10_000)), Model.step

    def stepped(model, batch):
        if next(steps) == step:
            raise KeyboardInterrupt
        return original(model, batch)

    monkeypatch.setattr(Model, "step", stepped)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(folder, **changed):
    """Write the tiny data set as the four files of MNIST; a keyword's value replaces the bytes of that file."""
    folder.mkdir()
    names = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1"}
    names |= {"x_test": "t10k-images-idx3", "y_test": "t10k-labels-idx1"}
    parts = {key: idx(part) for key, part in arrays().items()} | changed
    for key, name in names.items():
        (folder / f"{name}-ubyte").write_bytes(parts[key])


# A run from start to end


def test_a_real_run_leaves_what_the_readme_says(here):
    """In a process of its own, with its pictures."""
    run = process(*SEMI, "--revision", "first")
    out, err = run.communicate(timeout=120)
    assert (run.returncode, "Traceback" in err) == (0, False)
    folder = here / "runs" / "first"
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "metrics.csv", "checkpoint.npz", "best.npz", "result.json", "figures", "snapshots"}
    pictures = list((folder / "figures").iterdir())
    assert len(pictures) == 7 and all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    result = json.loads((folder / "result.json").read_text())
    assert f"test error {result['test_error']:.2%}" in out
    assert f"{len(pictures)} pictures in runs{os.sep}first{os.sep}figures" in out


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs(command, undrawn, here, mode):
    labels = ["--labels", "6"] if takes(mode, "labels") else []
    assert command("--mode", mode, *TINY, *labels, "--out", "out")[0] == 0
    assert json.loads((here / "out" / "result.json").read_text())["mode"] == mode


def test_result_has_the_keys_that_are_promised(finished):
    assert json.loads((finished / "result.json").read_text()).keys() == RESULT


def test_result_says_what_was_asked_for(command, undrawn, here):
    command(*SEMI, "--seed", "5", "--labels", "all", "--revision", "mine", "--out", "out")
    result = json.loads((here / "out" / "result.json").read_text())
    expected = {"revision": "mine", "mode": "semi-supervised", "seed": 5, "backend": "numpy", "labels": "all"}
    expected |= {"epochs": 2}
    assert {key: result[key] for key in expected} == expected


def test_test_error_is_a_fraction_of_the_test_images(finished):
    wrong = 40 * json.loads((finished / "result.json").read_text())["test_error"]
    assert wrong == pytest.approx(round(wrong)) and 0 <= wrong <= 40


def test_metrics_have_a_row_an_epoch(finished):
    assert [line.split(",")[0] for line in (finished / "metrics.csv").read_text().splitlines()] == ["epoch", "1", "2"]


def test_config_says_the_flags(finished):
    config = json.loads((finished / "config.json").read_text())
    assert (config["hidden"], config["epochs"], config["batch_size"], config["labels"]) == ([8, 7], 2, 10, 6)


def test_one_hidden_width_is_that_of_two_layers(command, undrawn, here):
    command(*SEMI, "--hidden", "9", "--out", "out")
    assert json.loads((here / "out" / "config.json").read_text())["hidden"] == [9, 9]


def test_extras_are_written_into_the_config_and_their_phases_trained(command, undrawn, here):
    command(*SEMI, "--extra", "vat=0.5", "--extra", "latent-noise=0.01", "--out", "out")
    config = json.loads((here / "out" / "config.json").read_text())
    assert (config["vat"], config["latent_noise"], config["information_maximization"]) == (0.5, 0.01, 0)
    columns = (here / "out" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"vat", "latent_noise"} <= set(columns)


def test_without_out_and_revision_the_folder_is_named_after_the_time(command, undrawn, here):
    assert command(*SEMI)[0] == 0
    (folder,) = (here / "runs").iterdir()
    assert json.loads((folder / "result.json").read_text())["revision"] == folder.name
    time.strptime(folder.name, "%Y%m%d-%H%M%S")


def test_same_command_same_bytes(command, undrawn, here):
    for name in ("one", "two"):
        command(*SEMI, "--out", name)
    assert (here / "one" / "checkpoint.npz").read_bytes() == (here / "two" / "checkpoint.npz").read_bytes()


def test_quiet_prints_the_result_alone(command, undrawn):
    status, out, err = command(*SEMI, "--quiet")
    assert (status, len(out.splitlines()), err) == (0, 2, "")
    assert out.startswith("test error ") and "style spread" in out.splitlines()[1]


def test_without_quiet_each_epoch_has_a_line(command, undrawn):
    _, out, _ = command(*SEMI)
    assert [line[:9] for line in out.splitlines() if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]


def test_without_data_it_is_mnist(command, undrawn, here):
    assert command("--epochs", "1", "--hidden", "8", "--batch-size", "5000", "--out", "out", "--quiet")[0] == 0
    config = json.loads((here / "out" / "config.json").read_text())
    assert (config["inputs"], config["classes"], config["side"], config["labels"]) == (784, 10, [28, 28], 100)


@pytest.mark.parametrize("classes, height, width", [(2, 4, 5), (12, 3, 3)])
def test_npz_with_other_sizes_and_classes(command, undrawn, here, classes, height, width):
    write_npz(here / "own.npz", **arrays(classes, height, width))
    assert command("--data", "own.npz", *SMALL, "--labels", "12", "--out", "out")[0] == 0
    config = json.loads((here / "out" / "config.json").read_text())
    assert (config["inputs"], config["classes"], config["side"]) == (height * width, classes, [height, width])


@pytest.mark.parametrize("classes, height, width", [(2, 4, 5), (12, 3, 3)])
def test_idx_folder_with_other_sizes_and_classes(command, undrawn, here, classes, height, width):
    write_idx(here / "own", **{key: idx(part) for key, part in arrays(classes, height, width).items()})
    assert command("--data", "own", *SMALL, "--labels", "12", "--out", "out")[0] == 0
    config = json.loads((here / "out" / "config.json").read_text())
    assert (config["inputs"], config["classes"], config["side"]) == (height * width, classes, [height, width])


def test_float_images_give_the_run_of_the_same_bytes(command, undrawn, here):
    floats = {key: part.astype(np.float32) / 255 for key, part in arrays().items() if key.startswith("x")}
    write_npz(here / "floats.npz", **floats)
    command(*SEMI, "--out", "bytes")
    command(*SEMI, "--data", "floats.npz", "--out", "floats")
    of_bytes, of_floats = tinyaae.load(here / "bytes").state(), tinyaae.load(here / "floats").state()
    assert all(np.array_equal(of_bytes[name], of_floats[name]) for name in of_bytes)


def test_auto_falls_back_to_numpy_with_a_notice(command, undrawn, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    status, out, _ = command(*SEMI, "--backend", "auto", "--out", "out")
    assert status == 0 and out.startswith("No GPU, so this runs on NumPy")
    assert json.loads((here / "out" / "result.json").read_text())["backend"] == "numpy"


def test_help_explains_every_flag_and_every_mode(command):
    status, out, err = command("--help")
    assert (status, err) == (0, "")
    for action in cli.parser()._actions:
        assert action.help and action.option_strings[-1] in out
        assert action.help.split()[0] in out
    for name, mode in MODES.items():
        assert f"{name:18} {mode.about}" in out


def test_the_installed_command_has_the_verbs(command, capsys, finished):
    assert cli.verbs(["evaluate", str(finished)]) == 0
    assert capsys.readouterr().out.startswith(f"{finished} after epoch 2 of 2: test error")
    assert cli.verbs(["resume", str(finished)]) == 0
    assert "finished already" in capsys.readouterr().out
    assert cli.verbs(["modes"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(MODES)
    for line in [], ["evaluate", "--help"]:
        assert cli.verbs(line) == 0
        assert "tinyaae evaluate RUN" in capsys.readouterr().out


def test_a_verb_that_is_none_is_told_the_verbs(capsys):
    assert cli.verbs(["trian"]) == 2
    assert capsys.readouterr().err == (
        "tinyaae: there is no verb 'trian'; "
        "expected train, resume, evaluate, draw, compare, encode, score, explore, lab or modes\n"
    )


def test_a_mistake_names_the_command_that_was_given(capsys):
    assert cli.verbs(["train", "--mode", "none"]) == 2
    assert capsys.readouterr().err.startswith("tinyaae train: --mode: there is no mode 'none'")


def test_the_version_is_the_one_of_the_package():
    project = (REPOSITORY / "pyproject.toml").read_text()
    assert f'version = "{tinyaae.__version__}"' in project


# Evaluate and resume


def test_evaluate_says_the_test_error_of_the_result(command, finished):
    result = json.loads((finished / "result.json").read_text())
    status, out, err = command("--evaluate", finished)
    assert (status, len(out.splitlines()), err) == (0, 2, "")
    assert f"after epoch 2 of 2: test error {result['test_error']:.2%}, " in out
    assert f"reconstruction error {result['reconstruction_error']:.2f}" in out


def test_evaluate_writes_nothing(command, finished, here):
    before = everything(here)
    command("--evaluate", finished, "--quiet")
    assert everything(here) == before


@pytest.fixture
def likely(command, undrawn, here):
    """The folder of a finished run that has a likelihood."""
    assert command(*TINY, "--mode", "aae", "--out", "aae", "--quiet")[0] == 0
    return here / "aae"


def test_evaluate_with_samples_adds_their_likelihood_to_the_result(command, likely):
    before = json.loads((likely / "result.json").read_text())
    status, out, _ = command("--evaluate", likely, "--samples", "2000", "--quiet")
    after = json.loads((likely / "result.json").read_text())
    assert status == 0 and f"2000 samples: log-likelihood {after['log_likelihood_2k']:.1f} ±" in out
    assert after == before | {name: after[name] for name in after if name.endswith("_2k")}
    assert len(after) == len(before) + 5
    assert {path.name for path in likely.iterdir()} == {
        "config.json", "metrics.csv", "checkpoint.npz", "best.npz", "result.json", "figures", "snapshots",
    }  # fmt: skip


def test_ten_thousand_samples_say_what_the_run_said(command, likely):
    before = (likely / "result.json").read_text()
    command("--evaluate", likely, "--samples", "10000", "--quiet")
    assert (likely / "result.json").read_text() == before


def test_samples_of_a_run_whose_d_judges_y_and_z_together(command, undrawn, here):
    assert command(*SEMI, "--set", "condition_on_y=true", "--out", "pairs", "--quiet")[0] == 0
    status, out, _ = command("--evaluate", "pairs", "--samples", "1000", "--quiet")
    assert status == 0 and "1000 samples: log-likelihood" in out


def test_samples_of_a_run_whose_y_and_z_are_judged_apart_are_refused(command, undrawn, here):
    """Its own evaluation has no likelihood either."""
    assert command(*SEMI, "--set", "condition_on_y=false", "--out", "apart", "--quiet")[0] == 0
    assert "log_likelihood" not in json.loads((here / "apart" / "result.json").read_text())
    assert "--set condition_on_y=true" in refused(command, here, "--evaluate", "apart", "--samples", "1000")


def test_samples_of_a_run_without_a_prior_are_refused(command, undrawn, here):
    command(*TINY, "--mode", "autoencoder", "--out", "plain", "--quiet")
    assert "mode autoencoder has no prior" in refused(command, here, "--evaluate", "plain", "--samples", "9")


@pytest.mark.parametrize("stop, status", [(KeyboardInterrupt(), 130), (Interrupted(15), 143)])
def test_samples_interrupted_say_how_to_go_on(command, likely, monkeypatch, stop, status):
    def stopped(*_):
        raise stop

    monkeypatch.setattr("tinyaae.metrics.likelihood.stream", stopped)
    found, _, err = command("--evaluate", likely, "--samples", "2000", "--quiet")
    assert found == status and "the same command continues" in err


def test_samples_of_a_run_where_another_process_is_at_work_are_refused(command, likely, here):
    with RunFolder.open(likely).locked():
        assert "another process is at work there" in refused(command, here, "--evaluate", str(likely), "--samples", "9")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--evaluate", "aae", "--samples", "0"], "--samples: 0"),
        (["--mode", "aae", "--samples", "1000"], "--samples"),
        (["--resume", "aae", "--samples", "1000"], "--samples"),
        (["--evaluate", "part", "--samples", "1000"], "--resume part"),
    ],
)
def test_samples_where_they_make_no_sense(command, likely, finished, here, arguments, says):
    (here / "part").mkdir()
    (here / "part" / "config.json").write_bytes((likely / "config.json").read_bytes())
    assert says in refused(command, here, *arguments)


def test_run_whose_data_have_moved_says_where_their_name_is(command, likely, here):
    (here / "data.npz").rename(here / "moved.npz")
    assert '"data" and "backend" can be changed in aae/config.json' in refused(command, here, "--evaluate", "aae")
    config = json.loads((likely / "config.json").read_text())
    (likely / "config.json").write_text(json.dumps(config | {"data": str(here / "moved.npz")}))
    assert command("--evaluate", "aae")[0] == 0


def test_evaluate_an_interrupted_run(command, undrawn, monkeypatch):
    interrupt_at(monkeypatch, STEPS + 3)
    command(*SEMI, "--out", "part", "--quiet")
    status, out, _ = command("--evaluate", "part")
    assert status == 0 and out.startswith("part after epoch 1 of 2: ")


def test_evaluate_a_run_stopped_within_an_epoch(command, undrawn, here, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, STEPS + 3)
        command(*SEMI, "--out", "part", "--quiet", "--save-minutes", "0")
    status, out, _ = command("--evaluate", "part")
    assert status == 0 and out.startswith("part after epoch 1 of 2 and 3 steps of the next: ")


def test_resume_of_a_finished_run_does_nothing(command, finished, here):
    before = everything(here)
    status, out, err = command("--resume", finished)
    assert (status, err) == (0, "") and "finished already" in out
    assert everything(here) == before


@pytest.mark.parametrize("step", [0, 5, STEPS + 3])
def test_interrupted_run_says_so_and_resumes_to_the_same_end(command, finished, here, monkeypatch, step):
    with monkeypatch.context() as patch:
        interrupt_at(patch, step)
        status, _, err = command(*SEMI, "--out", "part", "--quiet")
        assert status == 130 and "--resume" in err
    assert command("--resume", "part", "--quiet")[0] == 0
    assert (here / "part" / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()
    assert everything(here / "part").keys() == {here / "part" / p.relative_to(finished) for p in finished.rglob("*")}


def test_epoch_whose_checkpoint_was_not_saved_is_not_counted_twice(command, finished, here, monkeypatch):
    save = RunFolder.save

    def interrupted(folder, model, epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        save(folder, model, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", interrupted)
        command(*SEMI, "--out", "part", "--quiet")
    assert len(RunFolder.open("part").metrics()) == 2  # the second line is ahead of the checkpoint
    command("--resume", "part", "--quiet")
    whole, part = (RunFolder.open(name).metrics() for name in ("done", "part"))
    assert [{**row, "seconds": 0} for row in part] == [{**row, "seconds": 0} for row in whole]


def test_resumed_run_reports_what_the_uninterrupted_one_does(command, finished, here, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, STEPS + 3)
        command(*SEMI, "--revision", "done", "--out", "part", "--quiet")
    command("--resume", "part", "--quiet")
    whole, part = (json.loads((here / name / "result.json").read_text()) for name in ("done", "part"))
    assert {**part, "seconds": 0, "revision": ""} == {**whole, "seconds": 0, "revision": ""}
    assert part["revision"] == "done"


def test_run_interrupted_in_its_pictures_resumes(command, undrawn, here, monkeypatch):
    def interrupted(model, dataset, folder, found):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(figures, "draw_all", interrupted)
        assert command(*SEMI, "--out", "part", "--quiet")[0] == 130
    assert command("--resume", "part", "--quiet")[0] == 0
    assert (here / "part" / "result.json").is_file()


def test_seconds_of_a_resumed_run_are_those_of_all_its_processes(command, undrawn, here, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, STEPS + 3)
        command(*SEMI, "--out", "part", "--quiet")
    metrics = here / "part" / "metrics.csv"
    metrics.write_text(metrics.read_text().rpartition(",")[0] + ",1000\n")
    command("--resume", "part", "--quiet")
    assert json.loads((here / "part" / "result.json").read_text())["seconds"] > 1000


def test_run_stopped_before_its_first_checkpoint_resumes(command, finished, here):
    for name in ("checkpoint.npz", "best.npz", "metrics.csv", "result.json"):
        (finished / name).rename(here / name)
    assert command("--resume", "done", "--quiet")[0] == 0
    for name in ("checkpoint.npz", "best.npz"):
        assert (finished / name).read_bytes() == (here / name).read_bytes()


def test_resume_without_a_checkpoint_that_was_there(command, finished, here):
    for name in ("checkpoint.npz", "result.json"):
        (finished / name).unlink()
    assert "checkpoint.npz: no such file" in refused(command, here, "--resume", "done")


def test_resume_finds_data_named_from_elsewhere(command, here, undrawn, monkeypatch):
    interrupt_at(monkeypatch, 0)
    command(*SEMI, "--out", "part", "--quiet")
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert command("--resume", "../part", "--quiet")[0] == 0


def test_intervals_of_saving_are_kept_for_resume(command, here, undrawn):
    command(*SEMI, "--out", "out", "--quiet", "--save-every", "2", "--save-minutes", "0.5")
    config = json.loads((here / "out" / "config.json").read_text())
    assert (config["save_every"], config["save_minutes"]) == (2, 0.5)


def test_second_process_in_a_run_is_refused(command, finished, here):
    (finished / "result.json").unlink()
    with RunFolder.open("done").locked():
        assert "another process is at work there" in refused(command, here, "--resume", "done")


def test_warnings_are_in_the_result(command, here, undrawn, monkeypatch):
    monkeypatch.setattr(CollapseMonitor, "symptoms", lambda self, row: [("dull", True, 2, "It is dull.")])
    status, out, _ = command(*SEMI, "--out", "out")
    assert (status, out.count("warning: epoch 2: It is dull.")) == (0, 1)
    assert "epoch 2: It is dull." in json.loads((here / "out" / "result.json").read_text())["warnings"]


def test_resume_on_another_number_of_threads_says_so(command, undrawn, here, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 0)
        command(*SEMI, "--out", "part", "--quiet")
    config = json.loads((here / "part" / "config.json").read_text())
    (here / "part" / "config.json").write_text(json.dumps(config | {"threads": config["threads"] + 1}))
    status, _, err = command("--resume", "part", "--quiet")
    assert status == 0 and f"made on {config['threads'] + 1} threads" in err


@pytest.mark.parametrize("sent, expected", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_signal_ends_the_run_with_its_status_and_one_line(here, sent, expected):
    run = process(*SEMI, "--epochs", "100000", "--out", "long", "--quiet")
    until = time.monotonic() + 60
    while not (here / "long" / "metrics.csv").exists() and time.monotonic() < until and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(sent)
    _, err = run.communicate(timeout=60)
    assert run.returncode == expected
    assert len(err.split("\n")) == 3 and "--resume" in err  # "^C" stands alone on the first


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_run_stopped_by_a_real_signal_resumes_where_it_was(here, sent):
    """In the middle of an epoch: each lasts several seconds."""
    write_npz(here / "data.npz", **arrays(train=20_000))
    run = process(*SEMI, "--hidden", "100", "--out", "part", "--quiet")
    until = time.monotonic() + 60
    while not (here / "part" / "checkpoint.npz").exists() and time.monotonic() < until and run.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    run.send_signal(sent)
    _, err = run.communicate(timeout=60)
    assert "saved after epoch 0, step " in err
    with np.load(here / "part" / "checkpoint.npz") as saved:
        assert f"saved after epoch 0, step {saved['step']}, continue with --resume part" in err


def test_full_disk_ends_with_2_and_one_line_and_keeps_the_last_checkpoint(command, here, monkeypatch):
    save = RunFolder.save_best

    def full(folder, model, position):
        monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        save(folder, model, position)

    monkeypatch.setattr(RunFolder, "save_best", full)
    status, _, err = command(*SEMI, "--out", "out", "--quiet")
    assert status == 2 and err.count("\n") == 1 and "No space left on device" in err and "--resume out" in err
    assert np.load(here / "out" / "checkpoint.npz")["epoch"] == 0


def test_full_disk_while_drawing(command, here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "figures/a.png")

    monkeypatch.setattr(figures, "draw_all", full)
    status, _, err = command(*SEMI, "--out", "out", "--quiet")
    assert status == 2 and err.count("\n") == 1 and "is the disk full" in err


OUT_OF_GPU_MEMORY = type("OutOfMemoryError", (MemoryError,), {"__module__": "cupy.cuda.memory"})


@pytest.mark.parametrize("error, words", [(MemoryError, "enough memory;"), (OUT_OF_GPU_MEMORY, "enough GPU memory;")])
def test_memory_that_is_not_enough(command, here, monkeypatch, error, words):
    def greedy(*_):
        raise error

    monkeypatch.setattr(Model, "step", greedy)
    status, _, err = command(*SEMI, "--out", "out", "--quiet")
    assert status == 2 and err.count("\n") == 1 and f"not {words} a smaller --hidden or --batch-size" in err


def test_diverged_run_ends_with_3_and_one_line_and_keeps_the_last_healthy_checkpoint(command, here):
    status, _, err = command(*SEMI, "--out", "wild", "--quiet", "--input-noise", "1e38")
    assert status == 3 and err.count("\n") == 1
    assert "epoch 1, step 1: phase reconstruction, Q layer 1 of 10 (GaussianNoise) forward" in err
    assert np.load(here / "wild" / "checkpoint.npz")["epoch"] == 0


# Mistakes: status 2, one line, nothing written

BAD_FLAGS = {
    "unknown mode": ["--mode", "resnet"],
    "unknown preset": ["--preset", "slow"],
    "unknown prior": ["--prior", "normal"],
    "unknown posterior": ["--posterior", "laplace"],
    "unknown backend": ["--backend", "jax"],
    "unknown flag": ["--layers", "3"],
    "unknown flag with line breaks": ["--layers", "3\n4\x1e5"],
    "shortened flag": ["--epoch", "3"],
    "stray word": ["semi-supervised"],
    "flag without its value": ["--seed"],
    "no epochs": ["--epochs", "0"],
    "negative epochs": ["--epochs", "-1"],
    "epochs in words": ["--epochs", "three"],
    "no batch": ["--batch-size", "0"],
    "no z": ["--z", "0"],
    "no hidden units": ["--hidden", "0"],
    "negative hidden units": ["--hidden=-8,7"],
    "hidden units in words": ["--hidden", "many"],
    "no hidden layer": ["--hidden", ""],
    "more hidden units than memory": ["--hidden", "99999999"],
    "far more hidden units than memory": ["--hidden", str(10**400)],
    "more hidden layers than anybody needs": ["--hidden", ",".join(["1"] * 101)],
    "no epoch from save to save": ["--save-every", "0"],
    "less than no time from save to save": ["--save-minutes", "-1"],
    "data whose name is not UTF-8": ["--data", "\udcff"],
    "out with a line break": ["--out", "a\nb"],
    "negative noise": ["--input-noise", "-0.1"],
    "noise that is no number": ["--input-noise", "nan"],
    "negative seed": ["--seed", "-1"],
    "seed too large": ["--seed", str(2**70)],
    "no labels": ["--labels", "0"],
    "negative labels": ["--labels", "-1"],
    "labels in words": ["--labels", "some"],
    "fewer labels than classes": ["--labels", "2"],
    "more labels than images": ["--labels", "1000"],
    "labels where there are none": ["--mode", "aae"],
    "clusters where there are none": ["--clusters", "5"],
    "unknown extra": ["--extra", "entropy=1"],
    "extra without a number": ["--extra", "vat"],
    "second extra below zero": ["--extra", "vat=1", "--extra", "latent_noise=-1"],
    "extra where it has no use": ["--mode", "autoencoder", "--extra", "vat=1"],
    "extra that has moved": ["--extra", "repulsion=1"],
    "unknown setting": ["--set", "rate=1"],
    "setting without a value": ["--set", "linear_decay_from"],
    "second setting that no run can have": ["--set", "linear_decay_from=0.5", "--set", "lr_adversarial=-1"],
    "setting where it has no use": ["--mode", "gan", "--set", "detach_y=true"],
    "setting that only a preset sets": ["--set", "leak=0.1"],
    "flat prior in three dimensions": ["--prior", "swiss-roll", "--z", "3"],
    "revision that is a path": ["--revision", "../up"],
    "empty revision": ["--revision", ""],
    "empty out": ["--out", ""],
    "out that is a file": ["--out", "data.npz"],
    "out below a file": ["--out", "data.npz/run"],
    "missing data": ["--data", "missing"],
    "empty data": ["--data", ""],
    "data that is a folder of something else": ["--data", "."],
}


def refused(command, here, *arguments):
    """Assert that this is refused as a mistake should be; return the line."""
    before = everything(here)
    status, out, err = command(*arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("run_mnist.py: ")
    assert everything(here) == before
    return err


@pytest.mark.parametrize("flags", BAD_FLAGS.values(), ids=BAD_FLAGS)
def test_bad_flag(command, here, flags):
    refused(command, here, *SEMI, "--out", "out", *flags)


@pytest.mark.parametrize(
    "flag, says", [("--hidden", "expected widths such as 400"), ("--labels", "expected a whole number, or all")]
)
def test_words_where_numbers_belong_are_told_the_form(command, here, flag, says):
    assert f"{flag}: 'few' given, {says}" in refused(command, here, flag, "few")


def test_refusal_of_an_unknown_mode_names_the_modes(command, here):
    line = refused(command, here, *SEMI, "--mode", "resnet")
    assert all(mode in line for mode in MODES)


def test_out_that_holds_a_run(command, finished, here):
    assert "--resume" in refused(command, here, *SEMI, "--out", "done")


def test_out_is_looked_at_before_the_data_is_read(command, finished, here):
    assert "--out" in refused(command, here, *SEMI, "--out", "done", "--data", "missing")


def test_revision_that_holds_a_run(command, undrawn, here):
    command(*SEMI, "--revision", "mine")
    assert "--resume" in refused(command, here, *SEMI, "--revision", "mine")


def test_cupy_that_is_not_installed_names_the_extra(command, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    line = refused(command, here, *SEMI, "--backend", "cupy")
    assert "cuda12" in line and "cuda13" in line


X, Y, FLOATS = arrays()["x_train"], arrays()["y_train"], arrays()["x_train"] / 255
BAD_ARRAYS = {
    "Python objects": {"x_train": X.astype(object)},
    "too few labels": {"y_train": Y[:-1]},
    "negative labels": {"y_train": Y - 1},
    "a test label that training lacks": {"y_test": np.full(40, 3)},
    "pixels that are no number": {"x_train": FLOATS * np.nan},
    "pixels above 1": {"x_train": FLOATS * 16},
    "pixels below 0": {"x_train": FLOATS - 0.5},
    "test images of another size": {"x_test": np.zeros((40, SIDE, SIDE + 1), np.uint8)},
    "a class with too few images": {"y_train": np.minimum(np.arange(120), 2)},
}


@pytest.mark.parametrize("changed", BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_npz(command, here, changed):
    write_npz(here / "bad.npz", **changed)
    refused(command, here, *SEMI, "--labels", "12", "--data", "bad.npz")


BAD_FILES = {
    "truncated images": {"x_train": idx(X)[:-1]},
    "truncated header": {"x_test": idx(X)[:3]},
    "wrong magic": {"x_train": b"\x01" + idx(X)[1:]},
    "labels for images": {"x_train": idx(Y)},
    "too many labels": {"y_train": idx(np.append(Y, 0))},
    "empty file": {"y_test": b""},
}


@pytest.mark.parametrize("changed", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_idx(command, here, changed):
    write_idx(here / "own", **changed)
    refused(command, here, *SEMI, "--data", "own")


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
@pytest.mark.parametrize("run", ["missing", ".", "data.npz"])
def test_resume_or_evaluate_of_nothing(command, here, verb, run):
    assert "no config.json" in refused(command, here, verb, run)


@pytest.mark.parametrize("flag", ["--data", "--out", "--resume", "--evaluate", "--start-from"])
def test_an_empty_path_is_refused(command, here, flag):
    assert f"{flag}: an empty path given" in refused(command, here, flag, "")


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
@pytest.mark.parametrize("more", [["--epochs", "3"], ["--seed", "0"], ["--out", "out"], ["--data", "data.npz"]])
def test_resume_or_evaluate_with_another_flag(command, finished, here, verb, more):
    assert more[0] in refused(command, here, verb, "done", *more)


def test_resume_and_evaluate_at_once(command, finished, here):
    refused(command, here, "--resume", "done", "--evaluate", "done")


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
@pytest.mark.parametrize("name", ["config.json", "checkpoint.npz"])
def test_resume_or_evaluate_of_a_damaged_run(command, finished, here, verb, name):
    (finished / "result.json").unlink()
    content = (finished / name).read_bytes()
    (finished / name).write_bytes(content[: len(content) // 2])
    assert name in refused(command, here, verb, "done")


def test_resume_of_a_run_with_a_damaged_result(command, finished, here):
    (finished / "result.json").write_text("{")
    assert "result.json" in refused(command, here, "--resume", "done")


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
@pytest.mark.parametrize("sizes", [(4, 6, 6), (3, 6, 7), (3, 4, 9)])
def test_resume_or_evaluate_after_the_data_changed(command, finished, here, verb, sizes):
    (finished / "result.json").unlink()
    write_npz(here / "data.npz", **arrays(*sizes))
    assert "has the data changed?" in refused(command, here, verb, "done")


def test_resume_after_the_data_is_gone(command, finished, here):
    (finished / "result.json").unlink()
    (here / "data.npz").unlink()
    assert "no such file" in refused(command, here, "--resume", "done")


def test_a_real_mistake_in_a_process_of_its_own(here):
    before = everything(here)
    run = process(*SEMI, "--epochs", "0")
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err.count("\n")) == (2, "", 1)
    assert everything(here) == before


# The data of a run


def in_memory(folder, name="mine", **changed):
    """Train on arrays in memory, of the tiny size, into `folder`; return the run's folder and the data."""
    dataset = tiny_dataset()._replace(name=name, **changed)
    config = tiny_config(epochs=2).for_data(dataset)
    backend = Backend.named("numpy")
    model, batches = build(config, backend), Batches(dataset, config, backend)
    run = RunFolder.create(folder)
    run.write_config(config)
    train(model, batches, run, quiet=True)
    return run, dataset


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
def test_a_run_on_arrays_in_memory_is_not_continued_or_judged_on_mnist(command, here, verb):
    in_memory(here / "run")
    text = refused(command, here, verb, "run")
    assert "expected the arrays 'mine' that the run was trained on" in text and "must be given again" in text


def test_a_run_on_arrays_in_memory_is_loaded_without_them(here):
    _, dataset = in_memory(here / "run")
    assert tinyaae.load(here / "run").classify(dataset.x_test).shape == (len(dataset.x_test),)


def test_drawing_a_run_on_arrays_in_memory_is_refused(here, capsys):
    in_memory(here / "run")
    assert cli.verbs(["draw", str(here / "run")]) == 2
    assert "must be given again" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["--resume", "--evaluate"])
def test_a_run_whose_file_has_other_arrays_of_the_same_sizes_is_refused(command, undrawn, here, monkeypatch, verb):
    command(*SEMI, "--out", "run", "--quiet")
    (here / "run" / "result.json").unlink()
    changed = arrays()
    changed["x_train"] = changed["x_train"].copy()
    changed["x_train"][0, 0, 0] ^= 1
    np.savez(here / "data.npz", **changed)
    text = refused(command, here, verb, "run")
    assert "data.npz: not the arrays 'data' that the run was trained on" in text


def test_python_refuses_other_arrays_too(here):
    run, dataset = in_memory(here / "run")
    other = dataset._replace(x_train=dataset.x_train ^ 1)
    assert "must be given again" in refusal(Batches, other, run.config(), Backend.named("numpy"))
    Batches(dataset, run.config(), Backend.named("numpy"))


def test_the_result_names_the_commit(finished):
    commit = json.loads((finished / "result.json").read_text())["commit"]
    assert commit is None or re.fullmatch("[0-9a-f]{40}[+]?", commit)


def test_a_prior_put_in_by_hand_is_not_saved(here):
    """`load` would build the prior that config.json names, and sample another distribution."""

    class Ring(Gaussian):
        pass

    config = tiny_config("aae")
    model, batches = assembled(config)
    model.prior = Ring(config.z)
    run = RunFolder.create(here / "run")
    run.write_config(config)
    text = refusal(train, model, batches, run, quiet=True)
    assert text.startswith("prior: Ring put in by hand, expected the gaussian prior that config.json names")
    model, batches = assembled(config)
    adversaries = model.phases[1].discriminate.adversaries
    adversaries[0] = adversaries[0]._replace(prior=Gaussian(config.z, std=2.0))
    assert "Gaussian put in by hand" in refusal(train, model, batches, run, quiet=True)


def test_labels_fewer_than_classes_are_told_a_number_that_works(command, here):
    text = refused(command, here, *TINY, "--labels", "2")
    assert "expected at least 3, one for each class; 3?" in text
    assert command(*TINY, "--labels", "3", "--out", "three", "--quiet")[0] == 0
