"""Kill a real training process again and again, and see whether anything is lost.

    python tests/stress/kill.py                    100 times, some minutes
    python tests/stress/kill.py --kills 5          what CI runs

One run is left alone. The same run is then started over, killed by SIGKILL at a random moment of its training,
evaluation or drawing, resumed, killed again, and so on until it is finished; and that over again until enough processes
have been killed. All files of each must be those of the run that was left alone, byte for byte, but for wall times: the
last column of metrics.csv and `seconds` in result.json. Exit status 1 if any differs.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import shared_paths  # noqa: F401
from tiny import REPOSITORY, write_npz

from tinyaae.training.run_folder import RunFolder

EPOCHS = 60
RUN_FLAGS = f"--hidden 8,7 --batch-size 10 --labels 6 --epochs {EPOCHS} --save-minutes 0.0005".split()  # every 0.03 s


def main(argv=None):
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another one each time")
    args = parser.parse_args(argv)
    seed = random.randrange(10**6) if args.seed is None else args.seed
    with tempfile.TemporaryDirectory() as folder:
        lost, runs = kill_again_and_again(Path(folder), args.kills, random.Random(seed))
    print(f"{args.kills} kills in {runs} runs (--seed {seed}): {'nothing lost' if not lost else ''}{', '.join(lost)}")
    return 1 if lost else 0


def kill_again_and_again(folder, kills, rng):
    """Return the names of the files that differ in some run, and how many runs it took."""
    write_npz(folder / "data.npz")
    start_flags = ["--data", folder / "data.npz", "--revision", "run", *RUN_FLAGS]
    start_run(*start_flags, "--out", folder / "alone").wait()
    longest = sum(row["seconds"] for row in RunFolder.open(folder / "alone").metrics()) / 4
    expected, lost, runs = contents(folder / "alone"), set(), 0
    while kills:
        runs, run = runs + 1, folder / f"run-{runs}"
        process, trained = start_run(*start_flags, "--out", run), False
        while kills and not trained:  # once it has been killed in its evaluation or its pictures it may finish them
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, longest))
                break  # it was finished first
            process.kill()
            process.wait()
            kills -= 1
            done = (run / "metrics.csv").read_bytes().count(b"\n") - 1 if (run / "metrics.csv").exists() else 0
            print(f"killed in run {runs} after epoch {done}, {kills} to go", flush=True)
            trained = done == EPOCHS
            process = start_run("--resume", run)
        process.wait()
        found = contents(run)
        lost |= {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
    return sorted(lost), runs


def start_run(*arguments):
    """Start run_mnist.py; return its process as soon as it is about to train, or has ended."""
    line = [sys.executable, "-u", REPOSITORY / "run_mnist.py", *arguments]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as output:  # not a pipe, which could fill up
        process = subprocess.Popen(line, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
        while process.poll() is None and os.fstat(output.fileno()).st_size == 0:
            time.sleep(0.01)
        if process.poll() not in (None, 0):
            output.seek(0)
            raise SystemExit(f"run_mnist.py ended with {process.returncode}: {output.read()}")
    return process


def contents(run):
    """Return name -> bytes of all files of a run, without wall times."""
    files = {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    if "metrics.csv" in files:
        files["metrics.csv"] = [line.rpartition(b",")[0] for line in files["metrics.csv"].splitlines()]
    if "result.json" in files:
        files["result.json"] = json.loads(files["result.json"]) | {"seconds": None}
    return files


if __name__ == "__main__":
    sys.exit(main())
