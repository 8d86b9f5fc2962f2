"""What `tinyaae.run_folder` promises: a run never lands on another, a checkpoint is whole or refused in one line."""

import json
import time
import zipfile

import numpy as np
import pytest
from tiny import assembled, refusal, tiny_config, tiny_run, tiny_system

import tinyaae
from tinyaae.backend import Backend
from tinyaae.errors import UserError
from tinyaae.recipes import build
from tinyaae.run_folder import FORMAT, RunFolder, write_safely


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """`runs/` is made where one stands."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path):
    """A finished training run of one epoch, without its evaluation."""
    return tiny_run(tmp_path / "run", epochs=1)[1]


def fresh():
    return build(tiny_config(epochs=1), Backend.named("numpy"))


def rewrite(run, change):
    """Replace the run's checkpoint by `change(arrays)`."""
    with np.load(run.path / "checkpoint.npz") as saved:
        arrays = dict(saved)
    np.savez(run.path / "checkpoint.npz", **change(arrays))


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


@pytest.mark.parametrize("path", ["missing", "empty", "file", "x" * 300, ""])
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


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_damaged_config(run, content):
    (run.path / "config.json").write_bytes(content)
    assert "config.json: " in refusal(tinyaae.load, run.path)


# Writing


def test_write_safely_writes():
    path = RunFolder.create(out="here").path / "file"
    write_safely(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half of the n")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_safely(path, write)
    assert path.read_bytes() == b"old"


def test_failed_save_leaves_a_checkpoint_that_can_be_restored(run, monkeypatch):
    before = (run.path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(np, "savez", lambda file, **arrays: file.write(b"PK")[0])
    with pytest.raises(TypeError):
        run.save(fresh(), 1)
    assert (run.path / "checkpoint.npz").read_bytes() == before


def test_nothing_partial_is_left_of_a_finished_run(run):
    run.write_result({"test_error": 0.5})
    names = {path.name for path in run.path.iterdir()}
    assert names == {"config.json", "metrics.csv", "checkpoint.npz", "result.json"}


def test_what_a_failed_write_left_is_no_hindrance(run):
    (run.path / "checkpoint.npz.partial").write_bytes(b"half")
    system = fresh()
    run.save(system, 1)
    assert run.restore(system) == 1
    assert not (run.path / "checkpoint.npz.partial").exists()


# Checkpoints


def test_checkpoint_brings_back_every_array_and_counter(run):
    trained, restored = tiny_system(epochs=1), fresh()
    run.save(trained, 1)
    assert run.restore(restored) == 1
    assert [a.tobytes() for a in restored.state().values()] == [a.tobytes() for a in trained.state().values()]
    assert [p.optimizer.steps for p in restored.optimized()] == [p.optimizer.steps for p in trained.optimized()]


def test_checkpoint_goes_from_backend_to_backend(tmp_path, backend):
    trained, run = tiny_system(backend=backend), RunFolder.create(tmp_path / "here")
    run.save(trained, 1)
    restored = build(trained.config, Backend.named("numpy"))
    run.restore(restored)
    assert all(np.array_equal(backend.to_numpy(a), restored.state()[name]) for name, a in trained.state().items())


def test_state_of_step_0_is_saved_before_training(tmp_path):
    system, batches = assembled(tiny_config())
    run = RunFolder.create(tmp_path / "here")

    def interrupted(k):
        raise KeyboardInterrupt

    batches.epoch = interrupted
    with pytest.raises(KeyboardInterrupt):
        tinyaae.training.train(system, batches, run, quiet=True)
    restored = build(tiny_config(seed=1), Backend.named("numpy"))
    assert run.restore(restored) == 0
    assert np.array_equal(restored.state()["Q/flat"], fresh().state()["Q/flat"])


def test_checkpoint_needs_no_pickle(run):
    with np.load(run.path / "checkpoint.npz", allow_pickle=False) as saved:
        assert all(saved[name].dtype.kind in "if" for name in saved.files)


def test_checkpoint_holds_its_format_and_epoch(run):
    with np.load(run.path / "checkpoint.npz") as saved:
        assert (saved["format"], saved["epoch"]) == (FORMAT, 1)


def test_checkpoint_holds_no_time_path_or_revision(tmp_path, monkeypatch):
    system = tiny_system()
    one = RunFolder.create(tmp_path / "one", revision="first")
    one.save(system, 1)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    two = RunFolder.create(tmp_path / "two", revision="second")
    two.save(system, 1)
    content = (one.path / "checkpoint.npz").read_bytes()
    assert content == (two.path / "checkpoint.npz").read_bytes()
    assert b"first" not in content and str(tmp_path).encode() not in content
    assert {entry.date_time for entry in zipfile.ZipFile(one.path / "checkpoint.npz").infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }


def test_missing_checkpoint(run):
    (run.path / "checkpoint.npz").unlink()
    assert "no such file" in refusal(run.restore, fresh())


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_checkpoint(run, share):
    file = run.path / "checkpoint.npz"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert "checkpoint.npz: cannot be read" in refusal(tinyaae.load, run.path)


@pytest.mark.parametrize("content", [b"not a zip", b"\x93NUMPY\x01\x00", b"PK\x05\x06" + bytes(18)], ids=range(3))
def test_foreign_checkpoint(run, content):
    (run.path / "checkpoint.npz").write_bytes(content)
    assert "checkpoint.npz: " in refusal(tinyaae.load, run.path)


def test_checkpoint_that_is_a_bare_array(run):
    with (run.path / "checkpoint.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    assert "checkpoint.npz: cannot be read" in refusal(tinyaae.load, run.path)


def test_checkpoint_with_any_byte_damaged_never_shows_another_exception(run):
    file, system = run.path / "checkpoint.npz", fresh()
    good, rng = file.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(good), 300):
        bad = bytearray(good)
        bad[place] ^= 1 << rng.integers(8)
        file.write_bytes(bad)
        try:
            run.restore(system)
        except UserError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    assert refused > 150


def test_pickled_objects_are_refused_not_unpickled(run):
    class Trap:
        def __reduce__(self):
            return (run.path / "sprung").write_text, ("",)

    rewrite(run, lambda arrays: arrays | {"epoch": np.array([Trap()], dtype=object)})
    assert "cannot be read" in refusal(run.restore, fresh())
    assert not (run.path / "sprung").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda a: a | {"Q/flat": a["Q/flat"][:-1]}, "Q/flat is"),
        (lambda a: a | {"Q/flat": a["Q/flat"][:, None]}, "Q/flat is"),
        (lambda a: a | {"Q/flat": a["Q/flat"].astype(str)}, "Q/flat is"),
        (lambda a: a | {"Q/flat": a["Q/flat"].astype(complex)}, "Q/flat is"),
        (lambda a: a | {"epoch": np.zeros(2, int)}, "epoch is"),
        (lambda a: a | {"epoch": np.float64(1)}, "epoch is"),
        (lambda a: a | {"generate/steps": np.zeros((1, 1), int)}, "generate/steps is"),
        (lambda a: a | {"format": np.array("1")}, "format is"),
        (lambda a: a | {"format": np.int64(FORMAT + 1)}, "format 2, expected 1"),
        (lambda a: a | {"epoch": np.int64(2)}, "epoch 2 of 1"),
        (lambda a: a | {"epoch": np.int64(-1)}, "epoch -1 of 1"),
        (lambda a: a | {"generate/steps": np.int64(-1)}, "was config.json changed"),
        (lambda a: a | {"more": np.zeros(1)}, "not those of this system"),
        (lambda a: {name: part for name, part in a.items() if name != "P/flat"}, "not those of this system"),
        (lambda a: {"epoch": a["epoch"]}, "not those of this system"),
    ],
    ids=range(15),
)
def test_checkpoint_whose_arrays_do_not_fit(run, change, words):
    rewrite(run, change)
    assert words in refusal(run.restore, fresh())


def test_refused_checkpoint_leaves_the_system_alone(run):
    rewrite(run, lambda arrays: arrays | {"discriminate/mean": np.zeros(3, np.float32)})
    system = fresh()
    before = [array.tobytes() for array in system.state().values()]
    refusal(run.restore, system)
    assert [array.tobytes() for array in system.state().values()] == before


@pytest.mark.parametrize("mode, flags", [("aae", {}), ("semi-supervised", {"hidden": (9, 7)})])
def test_checkpoint_of_another_system(run, mode, flags):
    assert "was config.json changed" in refusal(run.restore, build(tiny_config(mode, **flags), Backend.named("numpy")))


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


@pytest.mark.parametrize("line", ["2,much", "2", "2,1,3"])
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
