"""Throw broken and hostile input at everything that reads: nothing may come of it but a run, or one line and status 2.

    python tests/stress/fuzz.py                            10 000 cases, for a night or a long coffee
    python tests/stress/fuzz.py --cases 500 --seed 7

Half of the cases damage a good file byte by byte (data as IDX and .npz, checkpoint, config, metrics, result) and then
train on it, resume or evaluate it; a damaged archive is often packed and sealed anew, as a forger would. In the other
half Hypothesis makes up command lines, configs and arrays. Each case may end with status 0, 2 or 3, with at most one
line on stderr, and no file outside the run's own folder may have changed. A traceback, a case of more than twenty
seconds and a process of more than 1 GB are failures; they are printed with what it takes to have them again.
"""

import argparse
import contextlib
import dataclasses
import gzip
import io
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import hypothesis
import numpy as np
import shared_paths  # noqa: F401
from hypothesis import strategies as st
from test_checkpoint import seal
from test_command_line import write_idx
from tiny import write_npz

import tinyaae
from tinyaae import UserError, cli, figures
from tinyaae.config import Config
from tinyaae.config.fields import choices_of, names
from tinyaae.model import Model

GIGABYTE, SECONDS, SHARE = 2**30, 20, 250  # memory and time of a case; cases that one process takes
SMALL = ["--hidden", "8,7", "--epochs", "2", "--batch-size", "10"]


def main(argv=None):
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--share", type=int, nargs=2, help=argparse.SUPPRESS)  # first case, cases: a process's own part
    args = parser.parse_args(argv)
    if args.share:
        return fuzz(args.seed, *args.share)
    seed, failed = random.randrange(10**6) if args.seed is None else args.seed, 0
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    for first in range(0, args.cases, SHARE):
        share = [str(first), str(min(SHARE, args.cases - first))]
        line = [sys.executable, __file__, "--seed", str(seed), "--share", *share]
        child = subprocess.run(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if child.returncode:
            failed += 1
            print(f"--seed {seed} --share {' '.join(share)} ended with {child.returncode}:\n{child.stdout}", flush=True)
    print(f"{args.cases} cases (--seed {seed}): {f'{failed} processes failed' if failed else 'no surprise'}")
    return 1 if failed else 0


def fuzz(seed, first, cases):
    """Run some cases in this process, whose memory is bounded from here on."""
    resource.setrlimit(resource.RLIMIT_DATA, (2 * GIGABYTE, 2 * GIGABYTE))
    figures.draw_all = lambda *_: []  # drawing reads no file, and takes seconds
    sys.path.insert(0, "")  # the present folder, as in an interactive session
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder))
        for case in range(first, first + cases // 2):
            damaged(sandbox, np.random.default_rng([seed, case]))
        settings = hypothesis.settings(
            max_examples=cases - cases // 2, deadline=None, database=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck), print_blob=True,
        )  # fmt: skip
        test = hypothesis.given(st.one_of(COMMANDS, CONFIGS, ARRAYS))(lambda case: invented(sandbox, *case))
        hypothesis.seed(seed * 1000 + first)(settings(test))()
        os.chdir("/")
    return 0


class Sandbox:
    """A folder with good data, a good run interrupted in its second epoch, and `work`, where a case may write."""

    def __init__(self, folder):
        self.good, self.work = folder / "good", folder / "work"
        self.good.mkdir()
        self.before = {}
        self.enter()
        write_npz(self.good / "data.npz")
        write_idx(self.good / "idx")
        (self.good / "gz").mkdir()
        for path in (self.good / "idx").iterdir():
            (self.good / "gz" / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        steps, step = itertools.count(), Model.step

        def interrupted(model, batch):
            if next(steps) == 14:
                signal.raise_signal(signal.SIGINT)
            return step(model, batch)

        Model.step = interrupted
        data = str(self.good / "data.npz")
        line = ["--data", data, *SMALL, "--labels", "6", "--out", str(self.good / "run"), "--quiet"]
        assert self.call(lambda: cli.main(line))[0] == 130
        Model.step = step
        self.before = self.outside()

    def enter(self):
        """Stand in an empty `work`."""
        os.chdir(self.work.parent)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        os.chdir(self.work)
        Path("evil.py").write_text("")  # can be imported from here, but nothing may do so without --import

    def outside(self):
        """Return path -> bytes of everything in the sandbox but `work`."""
        paths = [path for path in self.work.parent.rglob("*") if self.work not in (path, *path.parents)]
        return {path: path.read_bytes() if path.is_file() else None for path in paths}

    def call(self, function):
        """Return the status of `function`, an exit being one, and what it printed on stderr; not for ever."""
        err = io.StringIO()
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
                status = function()
        except SystemExit as stop:
            status = stop.code
        finally:
            signal.alarm(0)
        return status, err.getvalue()

    def expect_no_surprise(self, what, function):
        """Call `function`; whatever `what` was, it must end as the introduction says."""
        try:
            status, err = self.call(function)
            lines = err.splitlines()
            assert status in (0, 2, 3) and len(lines) <= 1 and (status == 0 or len(lines) == 1), (status, err)
            assert self.outside() == self.before, "something outside has changed"
            assert "evil" not in sys.modules, "code was imported that only a file or a flag other than --import names"
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < GIGABYTE, "too much memory"
        except BaseException:
            print(f"the case: {what}", flush=True)
            raise


class TooLong(BaseException):
    """A case has hung."""


def too_long(*_):
    raise TooLong


# Damaged files -------------------------------------------------------------------------------------------------------

DATA = ["data.npz", "idx", "gz"]
FILES = ["checkpoint.npz", "checkpoint.npz", "config.json", "metrics.csv", "result.json"]
NUMBERS = [0, 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]
TEXTS = ["NaN", "-1", "1e999", "9" * 25, "0", "null", "true", '"', "{", "[" * 2000, "\\u0000", "../../up", "/etc", ","]


def damaged(sandbox, rng):
    """Damage a good file and have it read."""
    sandbox.enter()
    name = str(rng.choice(DATA + FILES))
    if name in DATA:
        copy = shutil.copytree if (sandbox.good / name).is_dir() else shutil.copy
        copy(sandbox.good / name, name)
        path = Path(name) if Path(name).is_file() else sorted(Path(name).iterdir())[rng.integers(4)]
        arguments = ["--data", name, *SMALL, "--epochs", "1", "--labels", "6", "--out", "run", "--quiet"]
    else:
        shutil.copytree(sandbox.good / "run", "run")
        path = Path("run", name)
        if name == "result.json":
            path.write_text('{"test_error": 0.5, "seconds": 3}')
        arguments = [str(rng.choice(["--resume", "--evaluate"])), "run", "--quiet"]
    if name in ("data.npz", "checkpoint.npz") and rng.random() < 0.7:
        repack(path, rng)
    else:
        path.write_bytes(spoil(path.read_bytes(), rng, path.suffix in (".json", ".csv")))
    if name == "checkpoint.npz" and rng.random() < 0.7:
        with contextlib.suppress(Exception):  # what cannot be sealed stays as it is
            seal(path)
    sandbox.expect_no_surprise(f"{path} damaged, {arguments}", lambda: cli.main(arguments))


def repack(path, rng):
    """Spoil one member of a zip, or its name, and pack all of them again with sums that fit."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(rng.choice(list(members)))
    if rng.random() < 0.2:
        members[str(rng.choice(["../up.npy", "/up.npy", " ", "x" * 300, f"total/{name}", name[:-1]]))] = members.pop(
            name
        )
    else:
        head = members[name][:128]  # the header of an array, which is what anybody would forge
        spoiled = spoil(head, rng) + members[name][128:] if rng.random() < 0.6 else spoil(members[name], rng)
        members[name] = spoiled
    with zipfile.ZipFile(path, "w", int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def spoil(content, rng, text=False):
    """Return bytes with one to four things wrong."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        a, b = sorted(rng.integers(0, len(content) + 1, 2).tolist())
        b = min(b, a + int(2 ** rng.integers(0, 12)))
        piece = content[a:b]
        match rng.integers(0, 10 if not text else 13):
            case 0 | 1:
                if a < len(content):
                    content[a] ^= 1 << rng.integers(8)
            case 2:
                content[a:b] = b""
            case 3:
                content[a:a] = rng.bytes(int(rng.integers(1, 40)))
            case 4:
                content[a:b] = bytes(len(piece))
            case 5:
                content[a:a] = piece
            case 6:
                del content[a:]
            case 7:
                number = int(rng.choice(np.array(NUMBERS, np.uint64))).to_bytes(8, str(rng.choice(["little", "big"])))
                content[a : a + 8] = number[: int(rng.choice([1, 2, 4, 8]))]
            case 8:
                content[a:b] = piece[::-1]
            case 9:
                digits = [k for k, byte in enumerate(content) if chr(byte).isdigit()] or [0]
                k = digits[rng.integers(len(digits))]
                content[k : k + 1] = str(rng.choice(["9", "0", "-1", "99999999999", "1e9", ""])).encode()
            case _:
                words = [m for m, byte in enumerate(content) if chr(byte) in ' ,:"['] or [0]
                k = words[rng.integers(len(words))]
                content[k : k + int(rng.integers(0, 4))] = str(rng.choice(TEXTS)).encode()
    return bytes(content)


# Invented input ------------------------------------------------------------------------------------------------------


def harmless(text):
    """Whether a text is no number of epochs, layers, … that would really be trained, for hours."""
    try:
        return all(int(part) <= 30 for part in text.split(","))
    except ValueError:
        return True


EVIL = ["evil", "evil.py", "./evil.py", "evil:Evil", "evil.Evil"]  # ways to name code: see `Sandbox.enter`
WORDS = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1", "2", "1e3", "3,4", ",", "nan", "inf", "all", "9" * 30, "x" * 300, "\udcff", "é", *EVIL]
    ),
    st.text(max_size=8),
).filter(harmless)
PATHS = st.one_of(
    st.sampled_from(["../good/data.npz", "../good/idx", "../good/gz", "../good", "/dev/null", "/", ".", "", "a/b"]),
    st.text("./ab\n\x00é~$*", max_size=10),
)
INSIDE = PATHS.filter(lambda path: ".." not in path and not path.startswith("/"))  # where --out goes
FLAG_VALUES = {
    **{
        f"--{name}": st.one_of(st.sampled_from([value or "null" for value in known]), WORDS)
        for name, known in ((name.replace("_", "-"), choices_of(name)) for name in names("flag"))
        if known
    },
    **{f"--{name}": WORDS for name in ("z", "clusters", "epochs", "batch-size", "input-noise", "labels", "seed")},
    **{"--hidden": WORDS, "--save-every": WORDS, "--save-minutes": WORDS, "--backend": st.sampled_from(["numpy", "x"])},
    **{"--data": PATHS, "--revision": st.one_of(PATHS, WORDS), "--out": INSIDE, "--resume": PATHS, "--evaluate": PATHS},
    **{"--import": PATHS, "--start-from": PATHS},
    "--set": st.one_of(WORDS, st.tuples(st.sampled_from(names("set")), WORDS).map("=".join)),
    "--what": WORDS,
}
COMMANDS = st.tuples(
    st.just("command"),
    st.lists(st.sampled_from(list(FLAG_VALUES)).flatmap(lambda f: st.tuples(st.just(f), FLAG_VALUES[f])), max_size=4),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.sampled_from([10**400, 2**63, 10**6])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=4,
)
CONFIGS = st.tuples(
    st.just("config"),
    st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(Config)]), VALUES, min_size=1, max_size=3),
)
SHAPES = st.lists(st.integers(0, 12), min_size=0, max_size=4).map(tuple)
KINDS = st.sampled_from(["u1", "f4", "f8", "f2", ">f4", "i8", ">i2", "u8", "?", "c8", "U3", "S2", "O", "M8[s]", "V3"])
ARRAYS = st.tuples(
    st.just("arrays"),
    st.fixed_dictionaries(
        {}, optional={key: st.tuples(SHAPES, KINDS, st.sampled_from([0, 1, 2, 255, -1, 0.5, np.nan, 1e30]))
                      for key in ("x_train", "y_train", "x_test", "y_test", "more")},
    ),
)  # fmt: skip


def invented(sandbox, kind, case):
    """Have something read that Hypothesis made up."""
    sandbox.enter()
    if kind == "command":
        line = [*SMALL, "--epochs", "1", "--quiet", *itertools.chain(*case)]
        if not any(flag in ("--data", "--resume", "--evaluate") for flag, _ in case):
            line += ["--data", "../good/data.npz"]  # MNIST takes longer
        sandbox.expect_no_surprise(line, lambda: cli.main(line))
    if kind == "config":
        shutil.copytree(sandbox.good / "run", "run")
        config = json.loads(Path("run", "config.json").read_text()) | case
        Path("run", "config.json").write_text(json.dumps(config))
        for verb in ("--resume", "--evaluate"):
            sandbox.expect_no_surprise(f"{verb} with {case}", lambda verb=verb: cli.main([verb, "run", "--quiet"]))
        sandbox.expect_no_surprise(f"load with {case}", lambda: load_and_sample("run"))
    if kind == "arrays":
        with np.load(sandbox.good / "data.npz") as good:
            made = {key: made_up(*which) for key, which in case.items()}
            np.savez("data.npz", **(dict(good) | made))
        line = [*SMALL, "--epochs", "1", "--data", "data.npz", "--labels", "all", "--quiet"]
        sandbox.expect_no_surprise(case, lambda: cli.main(line))


def made_up(shape, kind, value):
    """Return an array of one value, as far as its type can hold that."""
    with np.errstate(all="ignore"):
        plain = np.full(shape, value, float)
        return plain.astype(object if kind == "O" else "u8" if kind[0] in "MV" else kind).astype(kind)


def load_and_sample(run):
    """Do what `tinyaae.load` is for; return the status that the command line would."""
    try:
        tinyaae.load(run).sample(3)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
