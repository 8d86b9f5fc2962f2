"""What `training.checkpoint` promises: all that training needs and nothing else, whole or refused in one line."""

import contextlib
import errno
import hashlib
import json
import os
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny import assembled, refusal, tiny_config, tiny_model, tiny_run

import tinyaae
from tinyaae.backend import Backend
from tinyaae.errors import UserError
from tinyaae.model import build
from tinyaae.training import checkpoint
from tinyaae.training.checkpoint import DIGITS, FORMAT, ROOM, SEAL, START, Position, digest_of
from tinyaae.training.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    """A finished training run of one epoch, without its evaluation."""
    return tiny_run(tmp_path / "run", epochs=1)[1]


def fresh():
    return build(tiny_config(epochs=1), Backend.named("numpy"))


def contents(run):
    """Return the arrays of the run's checkpoint, by name."""
    with np.load(run.path / "checkpoint.npz") as saved:
        return dict(saved)


def rewrite(run, arrays, sealed=True):
    """Replace the run's checkpoint by one of these arrays, with the right checksum where `sealed`, else with none."""
    np.savez(run.path / "checkpoint.npz", **arrays)
    if sealed:
        seal(run.path / "checkpoint.npz")


def seal(path):
    """Give any zip the checksum that a checkpoint has: whoever forges one can do that too."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = SEAL + bytes(DIGITS)
    with path.open("r+b") as file:
        digest = digest_of(file)
        file.seek(-DIGITS, os.SEEK_END)
        file.write(digest)


def test_checkpoint_brings_back_every_array_and_counter(run):
    trained, restored = tiny_model(epochs=1), fresh()
    run.save(trained, Position(1))
    assert run.restore(restored) == Position(1)
    assert [a.tobytes() for a in restored.state().values()] == [a.tobytes() for a in trained.state().values()]
    assert [p.optimizer.steps for p in restored.phases_with_optimizer()] == [
        p.optimizer.steps for p in trained.phases_with_optimizer()
    ]


def test_checkpoint_goes_from_backend_to_backend(tmp_path, backend):
    trained, run = tiny_model(backend=backend), RunFolder.create(tmp_path / "here")
    run.save(trained, Position(1))
    restored = build(trained.config, Backend.named("numpy"))
    run.restore(restored)
    assert all(np.array_equal(backend.to_numpy(a), restored.state()[name]) for name, a in trained.state().items())


def test_state_of_step_0_is_saved_before_training(tmp_path):
    model, batches = assembled(tiny_config())
    run = RunFolder.create(tmp_path / "here")

    def interrupted(k, first):
        raise KeyboardInterrupt

    batches.epoch = interrupted
    with pytest.raises(KeyboardInterrupt):
        tinyaae.training.train(model, batches, run, quiet=True)
    restored = build(tiny_config(), Backend.named("numpy"))
    assert run.restore(restored) == START
    assert np.array_equal(restored.state()["Q/flat"], fresh().state()["Q/flat"])


def test_checkpoint_needs_no_pickle(run):
    with np.load(run.path / "checkpoint.npz", allow_pickle=False) as saved:
        assert all(saved[name].dtype.kind in "ifU" for name in saved.files)


def test_checkpoint_holds_its_format_and_place(run):
    saved = contents(run)
    assert (saved["format"], saved["epoch"], saved["step"]) == (FORMAT, 1, 0)


def test_checkpoint_holds_the_config_but_for_what_is_only_here(run):
    config = json.loads(str(contents(run)["config"]))
    assert config["hidden"] == [8, 7] and config["lr_adversarial"] == 9e-4
    assert not config.keys() & {"revision", "data", "threads", "backend", "save_every", "save_minutes"}


def test_place_within_an_epoch_comes_back_with_its_totals(run):
    model = fresh()
    totals = {"D_gauss": np.float32(0.1), "half_squared_error": np.float32(1e-30)}
    run.save(model, Position(0, 5, totals))
    epoch, step, back = run.restore(model)
    assert (epoch, step) == (0, 5)
    assert {name: total.tobytes() for name, total in back.items()} == {n: t.tobytes() for n, t in totals.items()}


def test_any_tool_can_check_the_checksum(run):
    content = (run.path / "checkpoint.npz").read_bytes()
    assert hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]


def test_checkpoint_holds_no_time_path_or_revision(tmp_path, monkeypatch):
    model = tiny_model()
    one = RunFolder.create(tmp_path / "one", revision="first")
    one.save(model, Position(1))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    two = RunFolder.create(tmp_path / "two", revision="second")
    two.save(model, Position(1))
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


def test_one_changed_bit_anywhere_is_noticed(run):
    file, model = run.path / "checkpoint.npz", fresh()
    good, rng = file.read_bytes(), np.random.default_rng(0)
    ends = [*range(400), *range(len(good) - 400, len(good))]  # headers, the end of the directory, the checksum
    for place in [*ends, *rng.integers(0, len(good), 300)]:
        bad = bytearray(good)
        bad[place] ^= 1 << rng.integers(8)
        file.write_bytes(bad)
        refusal(run.restore, model)


def test_checksum_cannot_be_left_out(run):
    rewrite(run, contents(run), sealed=False)
    assert "format 2 without checksum" in refusal(run.restore, fresh())


def test_format_1_opens(run):
    """It had neither a place within the epoch nor a config nor a checksum."""
    restored, whole = fresh(), fresh()
    run.restore(whole)
    old = {name: array for name, array in contents(run).items() if name not in ("step", "config")}
    rewrite(run, old | {"format": np.int64(1)}, sealed=False)
    assert run.restore(restored) == Position(1)
    assert [a.tobytes() for a in restored.state().values()] == [a.tobytes() for a in whole.state().values()]


def test_later_format_says_what_to_do(run):
    rewrite(run, contents(run) | {"format": np.int64(FORMAT + 1)})
    assert "pip install -U" in refusal(run.restore, fresh())


def test_pickled_objects_are_refused_not_unpickled(run):
    class Trap:
        def __reduce__(self):
            return (run.path / "sprung").write_text, ("",)

    rewrite(run, contents(run) | {"epoch": np.array([Trap()], dtype=object)})
    assert "epoch is" in refusal(run.restore, fresh())
    assert not (run.path / "sprung").exists()


def test_file_larger_than_the_model_is_refused_unread(run, monkeypatch):
    with (run.path / "checkpoint.npz").open("ab") as file:
        file.truncate(10**12)  # a sparse file: nothing is written
    monkeypatch.setattr(checkpoint, "digest_of", None)
    assert "holds 1000000000000 bytes" in refusal(run.restore, fresh())


@pytest.mark.parametrize("announced", [10**10, 2**62])
def test_array_that_announces_more_than_the_model_has_costs_no_memory(run, announced):
    file = run.path / "checkpoint.npz"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = str({"descr": "<f4", "fortran_order": False, "shape": (announced,)}).encode().ljust(117) + b"\n"
    members["Q/flat.npy"] = b"\x93NUMPY\x01\x00\x76\x00" + header
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    seal(file)
    tracemalloc.start()
    assert "Q/flat is" in refusal(run.restore, fresh())
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


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
        (lambda a: a | {"total/D_gauss": np.zeros(2)}, "total/D_gauss is"),
        (lambda a: a | {"config": np.array("x" * ROOM)}, "holds "),
        (lambda a: a | {"config": np.array("x")}, "cannot be read"),
        (lambda a: a | {"epoch": np.int64(2)}, "epoch 2 of 1"),
        (lambda a: a | {"epoch": np.int64(-1)}, "epoch -1 of 1"),
        (lambda a: a | {"step": np.int64(1)}, "epoch 1 of 1, step 1"),
        (lambda a: a | {"epoch": np.uint64(2**63)}, "was config.json changed"),
        (lambda a: a | {"generate/steps": np.int64(-1)}, "was config.json changed"),
        (lambda a: a | {"more": np.zeros(1)}, "'more', expected only the arrays of this system"),
        (lambda a: {name: part for name, part in a.items() if name != "P/flat"}, "no P/flat"),
        (lambda a: {"epoch": a["epoch"]}, "no format"),
    ],
    ids=range(19),
)
def test_checkpoint_whose_arrays_do_not_fit(run, change, words):
    rewrite(run, change(contents(run)))
    assert words in refusal(run.restore, fresh())


def test_array_that_is_there_twice_is_refused(run):
    file = run.path / "checkpoint.npz"
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("epoch.npy", archive.read("epoch.npy"))
    seal(file)
    assert "one of them twice" in refusal(run.restore, fresh())


@pytest.mark.parametrize("change", [{"lr_adversarial": 1e-3}, {"epochs": 3}, {"seed": 1}])
def test_checkpoint_does_not_go_on_with_another_config(run, change):
    (value,) = change.values()
    model = build(tiny_config(**({"epochs": 1} | change)), Backend.named("numpy"))
    assert f"config.json says {value}" in refusal(run.restore, model)


def test_config_of_a_later_version(run):
    config = json.loads(str(contents(run)["config"])) | {"attention": True}
    rewrite(run, contents(run) | {"config": np.array(json.dumps(config))})
    assert "'attention' that this version does not know" in refusal(run.restore, fresh())


def test_refused_checkpoint_leaves_the_model_alone(run):
    rewrite(run, contents(run) | {"discriminate/mean": np.zeros(3, np.float32)})
    model = fresh()
    before = [array.tobytes() for array in model.state().values()]
    refusal(run.restore, model)
    assert [array.tobytes() for array in model.state().values()] == before


@pytest.mark.parametrize("mode, flags", [("aae", {}), ("semi-supervised", {"hidden": (9, 7)})])
def test_checkpoint_of_another_model(run, mode, flags):
    assert "was config.json changed" in refusal(run.restore, build(tiny_config(mode, **flags), Backend.named("numpy")))


# Every point at which the writer can be stopped


class Stopper:
    """Lets a number of calls of the writer through, then raises `error` in the next, once."""

    def __init__(self, monkeypatch, after, error):
        self.left, self.error, self.fired = after, error, False
        opened = Path.open

        def open_counted(path, mode="r", *arguments, **named):
            file = opened(path, mode, *arguments, **named)
            return CountedFile(file, self) if path.name.endswith(".partial") else file

        monkeypatch.setattr(Path, "open", self.counted(open_counted))
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, function):
        def call(*arguments, **named):
            if self.left == 0 and not self.fired:
                self.fired = True
                raise self.error
            self.left -= 1
            return function(*arguments, **named)

        return call


class CountedFile:
    """A file whose every write, seek, read and flush is one more point to be stopped at."""

    def __init__(self, file, stopper):
        self.file = file
        for name in ("write", "seek", "read", "flush"):
            setattr(self, name, stopper.counted(getattr(file, name)))

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def stop_everywhere(run, monkeypatch, error, expected):
    """Save over the run's checkpoint, stopped at one point after another; yield after each how far it had come."""
    trained = tiny_model(epochs=1, seed=0)
    after = 0
    while True:
        with monkeypatch.context() as patch:
            stopper = Stopper(patch, after, error)
            with contextlib.suppress(expected):
                run.save(trained, Position(0, 3))
        if not stopper.fired:
            return
        yield after
        after += 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "error, expected",
    [
        (OSError(errno.ENOSPC, "No space left on device"), UserError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["disk full", "second Ctrl-C"],
)
def test_writer_stopped_at_any_point_leaves_one_good_checkpoint_and_nothing_else(run, monkeypatch, error, expected):
    names, points = {path.name for path in run.path.iterdir()}, 0
    for _ in stop_everywhere(run, monkeypatch, error, expected):
        points += 1
        assert run.restore(fresh()) in (Position(1), Position(0, 3))
        assert {path.name for path in run.path.iterdir()} == names
    assert points > 50  # so many calls does a checkpoint take


@pytest.mark.slow
def test_power_cut_at_any_point_leaves_one_good_checkpoint(run, monkeypatch):
    """Nothing is tidied up, and of the new file any part may have reached the disk."""
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok: None)
    rng, partial = np.random.default_rng(0), run.path / "checkpoint.npz.partial"
    for _ in stop_everywhere(run, monkeypatch, KeyboardInterrupt(), KeyboardInterrupt):
        if partial.exists():
            os.truncate(partial, rng.integers(0, partial.stat().st_size + 1))
        assert run.restore(fresh()) in (Position(1), Position(0, 3))
    run.save(fresh(), Position(1))  # what lies about is no hindrance
    assert not partial.exists()
