"""Train for very many very short epochs, and see whether memory, step time, open files or threads grow.

    python tests/stress/soak.py                   2 000 epochs, some minutes
    python tests/stress/soak.py --epochs 500

After the first fifth, its warm-up, straight lines are drawn through resident memory and through the time of an epoch's
steps. Memory may grow by 1 MB in 1 000 epochs; the time of a step by a tenth over all that is left, judged by
the medians of the first and the last quarter; open files and threads not at all. Exit status 1 if one does.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import shared_paths  # noqa: F401
from tiny import STEPS, assembled, tiny_config

from tinyaae.training import train
from tinyaae.training.run_folder import RunFolder


def main(argv=None):
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=2000)
    args = parser.parse_args(argv)
    model, batches = assembled(tiny_config(epochs=args.epochs))
    seen = np.zeros((args.epochs, 4))  # memory in bytes, seconds in steps, open files, threads; made before the start
    epochs, spent, step = itertools.count(), [0.0], model.step

    def timed(batch):
        began = time.process_time()
        values = step(batch)
        spent[0] += time.process_time() - began
        return values

    def look(line):
        if line.startswith("epoch"):
            files = len(os.listdir("/proc/self/fd"))
            seen[next(epochs)] = resident(), spent[0], files, threading.active_count()
            spent[0] = 0.0

    model.step = timed
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        sys.stderr, terminal = nowhere, sys.stderr  # the progress bars
        try:
            train(model, batches, RunFolder.create(Path(folder) / "run"), say=look)
        finally:
            sys.stderr = terminal
    memory, seconds, files, threads = seen[args.epochs // 5 :].T
    slope = np.polyfit(range(len(memory)), memory, 1)[0] * 1000 / 2**20
    quarter = len(seconds) // 4
    first, last = (statistics.median(part) / STEPS * 1000 for part in (seconds[:quarter], seconds[-quarter:]))
    print(f"{args.epochs} epochs of {STEPS} steps; after {args.epochs - len(memory)} of them:")
    print(f"memory {memory[0] / 2**20:.1f} to {memory[-1] / 2**20:.1f} MB, {slope:+.3f} MB in 1000 epochs")
    print(f"a step takes {first:.3f} ms of processor time in the first quarter, {last:.3f} ms in the last")
    print(f"open files {min(files):.0f} to {max(files):.0f}, threads {min(threads):.0f} to {max(threads):.0f}")
    flat = slope <= 1 and last <= 1.1 * first and len(set(files)) == len(set(threads)) == 1
    return 0 if flat else 1


def resident():
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
