"""What `training.run_folder` promises: a run never lands on another; whatever fails, the old file is still there."""

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from tiny import REPOSITORY, refusal, tiny_config, tiny_run

import tinyaae
from tinyaae.data.files import write_safely
from tinyaae.errors import UserError
from tinyaae.training import run_folder
from tinyaae.training.run_folder import RunFolder


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """`runs/` is made where one stands."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path):
    """A finished training run of one epoch, without its evaluation."""
    return tiny_run(tmp_path / "run", epochs=1)[1]


# Making and opening a folder


def test_folder_is_named_after_the_time(tmp_path):
    before = time.strftime("%Y%m%d-%H%M%S")
    run = RunFolder.create()
    assert before <= run.revision <= time.strftime("%Y%m%d-%H%M%S")
    assert run.path.resolve() == tmp_path / "runs" / run.revision and run.path.is_dir()


def test_runs_of_the_same_second_get_different_folders(monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda form: "20260101-120000")
    runs = [RunFolder.create() for _ in range(3)]
    assert [run.revision for run in runs] == ["20260101-120000", "20260101-120000-2", "20260101-120000-3"]
    assert [run.path.name for run in runs] == [run.revision for run in runs]


def test_revision_names_run_and_folder(tmp_path):
    run = RunFolder.create(revision="wide-net")
    assert (run.revision, run.path.resolve()) == ("wide-net", tmp_path / "runs" / "wide-net")


def test_out_is_the_folder_exactly(tmp_path):
    run = RunFolder.create(out="a/b/c")
    assert run.path.resolve() == tmp_path / "a" / "b" / "c" and run.path.is_dir()
    assert not (tmp_path / "runs").exists()


def test_out_may_be_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(out="empty").path.resolve() == tmp_path / "empty"


def test_out_and_revision_name_folder_and_run():
    run = RunFolder.create(out="here", revision="this")
    assert (run.path.name, run.revision) == ("here", "this")


@pytest.mark.parametrize("named", [{"out": "runs/old"}, {"revision": "old"}])
@pytest.mark.parametrize("refuse", [RunFolder.check, RunFolder.create])
def test_folder_that_holds_a_run_is_refused(tmp_path, refuse, named):
    RunFolder.create(revision="old").write_config(tiny_config())
    before = (tmp_path / "runs" / "old" / "config.json").read_bytes()
    assert "holds files already" in refusal(refuse, **named)
    assert (tmp_path / "runs" / "old" / "config.json").read_bytes() == before


@pytest.mark.parametrize("make", ["write_text", "symlink_to"])
def test_out_that_is_no_folder_is_refused(tmp_path, make):
    getattr(tmp_path / "taken", make)("nowhere")
    assert "is a file" in refusal(RunFolder.create, out="taken")


@pytest.mark.parametrize("revision", ["", ".", "..", "../up", "a/b", "a/", "/etc", "./a"])
@pytest.mark.parametrize("refuse", [RunFolder.check, RunFolder.create])
def test_revision_that_is_no_plain_name_is_refused(tmp_path, refuse, revision):
    assert refusal(refuse, revision=revision).startswith("--revision: ")
    assert list(tmp_path.iterdir()) == []


def test_empty_out_is_refused(tmp_path):
    assert refusal(RunFolder.create, out="").startswith("--out: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", [{"out": "file/run"}, {"out": "x" * 300}, {"revision": "x" * 300}, {}])
def test_folder_that_cannot_be_made(tmp_path, named):
    (tmp_path / "file").write_text("")
    (tmp_path / "runs").write_text("")
    assert "cannot make this folder" in refusal(RunFolder.create, **named)


def test_file_that_appears_after_the_check_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(RunFolder, "check", lambda out, revision: (tmp_path / "out").write_text("mine"))
    assert "has just been put there" in refusal(RunFolder.create, out="out")
    assert (tmp_path / "out").read_text() == "mine"


def test_check_makes_nothing(tmp_path):
    RunFolder.check(out="a/b", revision="c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["missing", "empty", "file", "x" * 300])
def test_opening_what_is_no_run(tmp_path, path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert "no config.json" in refusal(RunFolder.open, path)


def test_opened_run_has_the_config_it_was_given(run):
    opened = RunFolder.open(run.path).config()
    assert opened.revision == run.revision
    assert opened == tiny_config(epochs=1, revision=run.revision)


@pytest.mark.parametrize("named", [{"out": "here"}, {"revision": "this"}, {"out": "here", "revision": "this"}, {}])
def test_opened_run_keeps_its_revision(named):
    run = RunFolder.create(**named)
    run.write_config(tiny_config())
    assert RunFolder.open(run.path).revision == run.revision


def test_run_stopped_before_it_had_a_config(tmp_path):
    run = RunFolder.create(tmp_path / "here")
    assert "stopped before it began" in refusal(RunFolder.open, run.path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_damaged_config(run, content):
    (run.path / "config.json").write_bytes(content)
    assert "config.json: " in refusal(tinyaae.load, run.path)


# Writing


def test_write_safely_writes():
    path = RunFolder.create(out="here").path / "file"
    write_safely(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half of the n")
        full_disk()

    line = refusal(write_safely, path, write)
    assert "file: cannot be written (No space left on device)" in line and "make room, then try again" in line
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"old")]


def test_metrics_that_cannot_be_written_in_a_run_which_can_be_resumed_then(run, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    row = run.metrics()[0] | {"epoch": 2}
    line = refusal(run.append_metrics, row)
    assert "metrics.csv: cannot be written (No space left on device)" in line
    assert line.endswith(f"make room, then --resume {run.path}")


def test_nothing_partial_is_left_of_a_finished_run(run):
    run.write_result({"test_error": 0.5})
    names = {path.name for path in run.path.iterdir()}
    assert names == {"config.json", "metrics.csv", "checkpoint.npz", "best.npz", "result.json", "snapshots"}


# Two at once


def test_of_many_that_want_one_folder_one_gets_it(tmp_path, monkeypatch):
    monkeypatch.setattr(RunFolder, "check", lambda out, revision: None)  # all of them have looked, and found it free
    made = []

    def make():
        with contextlib.suppress(UserError):
            made.append(RunFolder.create(out="out"))

    threads = [threading.Thread(target=make) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_processes_started_in_the_same_second_have_a_folder_each(tmp_path):
    program = "import time; time.strftime = lambda form: 'now'; "
    program += "from tinyaae.training.run_folder import RunFolder as R; "
    program += "print(R.create().path)"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    line = [sys.executable, "-c", program]
    runs = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(4)]
    paths = {run.communicate(timeout=60)[0].strip() for run in runs}
    assert paths == {os.path.join("runs", name) for name in ("now", "now-2", "now-3", "now-4")}


def test_second_process_is_kept_out_of_a_run_while_one_trains_there(run):
    program = "import sys; from tinyaae.training.run_folder import RunFolder as R\n"
    program += "with R.open(sys.argv[1]).locked(): print('in', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    line = [sys.executable, "-c", program, run.path]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout.readline() == "in\n"
        assert "another process is at work there" in refusal(run.locked().__enter__)
        other.kill()  # however it ends, the lock goes with it
        other.wait()
    with run.locked():
        pass


def test_file_system_without_locks_is_no_hindrance(run, monkeypatch):
    monkeypatch.setattr(run_folder.fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError("no locks available")))
    with run.locked():
        pass


# Metrics and result


def test_metrics_come_back_as_they_went_in(tmp_path):
    run = RunFolder.create(tmp_path / "here")
    rows = [{"epoch": 1, "loss": 0.1, "seconds": 2.5}, {"epoch": 2, "loss": 1e-30, "seconds": 0.0}]
    for row in rows:
        run.append_metrics(row)
    assert run.metrics() == rows


def test_run_without_an_epoch_has_no_metrics(tmp_path):
    assert RunFolder.create(tmp_path / "here").metrics() == []


def test_metrics_file_is_a_header_and_a_line_an_epoch(run):
    run.append_metrics(run.metrics()[0] | {"epoch": 2})
    lines = (run.path / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2"]


@pytest.mark.parametrize("epoch", [0, 1, 2, 3, 9])
def test_metrics_after_the_checkpoint_are_dropped(tmp_path, epoch):
    run = RunFolder.create(tmp_path / "here")
    for k in (1, 2, 3):
        run.append_metrics({"epoch": k, "loss": 1 / k})
    run.drop_metrics_after(epoch)
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3][:epoch]


def test_line_cut_off_by_an_interruption_is_dropped(tmp_path):
    run = RunFolder.create(tmp_path / "here")
    run.append_metrics({"epoch": 1, "loss": 0.5})
    with (run.path / "metrics.csv").open("a") as file:
        file.write("2,0.")
    run.drop_metrics_after(1)
    run.append_metrics({"epoch": 2, "loss": 0.25})
    assert run.metrics() == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]


def test_dropping_before_the_first_epoch_is_no_mistake(tmp_path):
    run = RunFolder.create(tmp_path / "here")
    run.drop_metrics_after(0)
    assert run.metrics() == []


def test_header_cut_off_by_an_interruption_is_written_again(tmp_path):
    run = RunFolder.create(tmp_path / "here")
    (run.path / "metrics.csv").write_text("epoch,lo")
    run.drop_metrics_after(0)
    run.append_metrics({"epoch": 1, "loss": 0.5})
    assert run.metrics() == [{"epoch": 1, "loss": 0.5}]


def test_row_with_other_columns_is_refused(run):
    before = (run.path / "metrics.csv").read_bytes()
    assert "its columns are not those of this run" in refusal(run.append_metrics, {"epoch": 2, "loss": 1.0})
    assert (run.path / "metrics.csv").read_bytes() == before


@pytest.mark.parametrize("line", ["2,much", "2", "2,1,3", "1,1", "3,1", "2,nan", "2,1e999"])
def test_damaged_metrics(tmp_path, line):
    run = RunFolder.create(tmp_path / "here")
    run.append_metrics({"epoch": 1, "loss": 0.5})
    with (run.path / "metrics.csv").open("a") as file:
        file.write(line + "\n")
    assert "metrics.csv: cannot be read" in refusal(run.metrics)


def test_result_comes_back_as_it_went_in(run):
    result = {"revision": "a", "labels": "all", "test_error": 0.125, "cluster_error": None}
    run.write_result(result)
    assert run.result() == result
    assert json.loads((run.path / "result.json").read_text()) == result


def test_run_that_is_not_finished_has_no_result(run):
    assert run.result() is None


def test_damaged_result(run):
    (run.path / "result.json").write_text("{")
    assert "result.json: cannot be read" in refusal(run.result)
