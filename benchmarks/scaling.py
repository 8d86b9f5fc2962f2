"""Time one training step shared by 1, 2, 4 ranks on this machine, and say where more machines would stop paying.

    python -m benchmarks.scaling                          the paper's network, Adam, batch 100; 1, 2, 4, … ranks
    python -m benchmarks.scaling --ranks 1,2 --json FILE

The whole batch stays the same, so every job takes the same steps (`tests/integration/test_many_machines.py`). Each
rank has one BLAS thread. The jobs take turns, round after round, and the table has the median over the rounds of the
mean step. Beside it stands the model of lesson 15: with R ranks, B bytes to all-reduce in m messages, a line of w bytes
a second and a latency l,

    t(R) = u + (t(1) − u)/R + 2·(R−1)/R·B/w + m·2·(R−1)·l,

where u, measured too, is what the lesson leaves out: the optimizers' steps, which every rank takes in full.

For this machine w and l are those of its memory, measured in the same job with vectors of 4 bytes and of 16 MB, which
the ranks exchange while nothing else is done; for networks they are given.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .step import ROOT, commit
from .workload import Workload

NETWORKS = {  # name -> bytes a second, seconds of latency
    "1 Gbit/s Ethernet": (0.125e9, 50e-6),
    "10 Gbit/s Ethernet": (1.25e9, 20e-6),
    "100 Gbit/s InfiniBand": (12.5e9, 2e-6),
}
MANY = [2**k for k in range(11)]
PAYS = 0.5  # ranks pay as long as each does at least this share of the work of one alone
WARM_UP, LARGE = 3, 4_000_000


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", help="numbers of ranks, with commas between; default: 1, 2, 4, … cores")
    parser.add_argument("--optimizer", choices=("adam", "momentum"), default="adam")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)  # one of a job's processes
    args = parser.parse_args(argv)
    work = Workload(args.width, args.batch, args.optimizer)
    if args.rank:
        return be_a_rank(work, args.steps)
    try:
        powers = [n for n in MANY if n <= os.cpu_count() and args.batch % n == 0]
        counts = sorted({int(count) for count in args.ranks.split(",")}) if args.ranks else powers
    except ValueError:
        counts = []
    if not counts or counts[0] != 1 or any(args.batch % count for count in counts):
        parser.error(f"--ranks: expected 1 and some divisors of the batch, {args.batch}, e.g. 1,2,4")
    beside = Path(sys.executable).with_name("mpiexec")  # where pip puts MPICH's
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        parser.error("there is no mpiexec; pip install -e '.[mpi]'")
    report = measure(mpiexec, counts, args)
    print(table(report), paragraph(report), sep="\n\n")
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")
    return 0


def measure(mpiexec, counts, args):
    """Return the report: medians, all rounds, what travels, and how fast it travels on this machine."""
    threads = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    given = ["--optimizer", args.optimizer, "--width", args.width, "--batch", args.batch, "--steps", args.steps]
    found = {count: [] for count in counts}
    for turn in range(args.rounds):
        for count in counts:
            command = [mpiexec, "-n", count, sys.executable, "-m", "benchmarks.scaling", "--rank", *given]
            job = subprocess.run([*map(str, command)], cwd=ROOT, env=os.environ | threads, text=True,
                                 stdout=subprocess.PIPE, check=True)  # fmt: skip
            found[count].append(json.loads(job.stdout.splitlines()[-1]))
        print(f"\rround {turn + 1} of {args.rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)

    def median(count, what):
        return statistics.median(one[what] for one in found[count])

    return {
        "median_ms": {str(count): round(median(count, "step_ms"), 3) for count in counts},
        "turns_ms": {str(count): [one["step_ms"] for one in found[count]] for count in counts},
        "all_reduce_us": {str(count): round(median(count, "small_us"), 2) for count in counts[1:]},
        "all_reduce_16mb_ms": {str(count): round(median(count, "large_ms"), 3) for count in counts[1:]},
        "undivided_ms": round(median(1, "undivided_ms"), 3), "bytes": found[1][0]["bytes"],
        "messages": found[1][0]["messages"], "cores": os.cpu_count(),
        "width": args.width, "batch": args.batch, "optimizer": args.optimizer, "machine": platform.machine(),
        "python": platform.python_version(), "date": time.strftime("%Y-%m-%d"), "commit": commit(),
    }  # fmt: skip


def be_a_rank(work, steps):
    """Take steps with the others; rank 0 prints the mean step, and how long an all-reduce takes by itself."""
    import numpy as np

    from tinyaae.backend.distributed import base as distributed
    from tinyaae.phases import Batch

    from .contenders import Tinyaae

    ranks = distributed.started()
    contender = Tinyaae(work, 1, communicator=ranks)
    rows = ranks.rows(work.batch)
    batches = [Batch(*[contender.backend.array(part[rows]) for part in work.images(k)]) for k in range(4)]
    vectors = [phase.gradients.flat.nbytes for phase in contender.model.phases_with_optimizer()]

    def seconds(times, action):
        for k in range(WARM_UP):
            action(k)
        ranks.all_reduce_max(0)  # all start together
        started = time.perf_counter()
        for k in range(times):
            action(k)
        return (time.perf_counter() - started) / times

    small, large = np.zeros(1, np.float32), np.zeros(LARGE, np.float32)
    report = {
        "step_ms": 1e3 * seconds(steps, lambda k: contender.step(batches[k % 4])),
        "small_us": 1e6 * seconds(100, lambda k: ranks.mean(small)),
        "large_ms": 1e3 * seconds(5, lambda k: ranks.mean(large)),
        "undivided_ms": 1e3
        * seconds(steps, lambda k: [phase.update() for phase in contender.model.phases_with_optimizer()]),
        "bytes": sum(vectors),
        "messages": len(vectors) + 1,  # and one with the values of the losses
    }
    if ranks.rank == 0:
        print(json.dumps(report))
    return 0


def modelled(report, ranks, bandwidth, latency):
    """Return the milliseconds that the model gives a step on `ranks` ranks."""
    travel = 2 * (ranks - 1) / ranks * report["bytes"] / bandwidth
    waits = report["messages"] * 2 * (ranks - 1) * latency
    undivided = report["undivided_ms"]
    return undivided + (report["median_ms"]["1"] - undivided) / ranks + 1e3 * (travel + waits)


def memory_of(report, ranks):
    """Return bandwidth and latency of this machine's memory between `ranks` ranks, as the model has them."""
    latency = 1e-6 * report["all_reduce_us"][ranks] / (2 * (int(ranks) - 1))
    carrying = max(1e-9, 1e-3 * report["all_reduce_16mb_ms"][ranks] - 1e-6 * report["all_reduce_us"][ranks])
    return 2 * (int(ranks) - 1) / int(ranks) * 4 * LARGE / carrying, latency


def table(report):
    """Return the report as Markdown: what was measured on this machine, and what the model says of networks."""
    one = report["median_ms"]["1"]
    lines = [
        f"{report['optimizer']}, width {report['width']}, batch {report['batch']} in all, one thread a rank, "
        f"{report['bytes'] / 1e6:.1f} MB of gradients in {report['messages']} messages a step, "
        f"{report['undivided_ms']:.1f} ms for the optimizers, {report['cores']} cores, {report['machine']}, "
        f"{report['date']}, commit {report['commit']}",
        "",
        "| ranks | median ms | times faster | model, this machine's memory, ms |",
        "|---|---|---|---|",
    ]
    for ranks, ms in report["median_ms"].items():
        here = one if ranks == "1" else modelled(report, int(ranks), *memory_of(report, ranks))
        lines.append(f"| {ranks} | {ms:.1f} | {one / ms:.2f} | {here:.1f} |")
    lines += ["", f"| modelled, ms (times faster) | {' | '.join(f'{n} ranks' for n in MANY[1:6])} |", "|---" * 6 + "|"]
    for name, line in NETWORKS.items():
        cells = [modelled(report, n, *line) for n in MANY[1:6]]
        lines.append(f"| {name} | {' | '.join(f'{ms:.1f} ({one / ms:.1f})' for ms in cells)} |")
    return "\n".join(lines)


def paragraph(report):
    """Return in words, from the report's numbers and the model, where more ranks stop paying."""
    one, counts = report["median_ms"]["1"], list(report["median_ms"])
    here = ", ".join(f"{n} ranks are {one / report['median_ms'][n]:.2f} times as fast as one" for n in counts[1:])
    said = [f"On this machine's {report['cores']} cores {here or 'one rank was run'}."]
    for name, line in NETWORKS.items():
        gains = {n: one / modelled(report, n, *line) for n in MANY}
        paying = max(n for n in MANY if gains[n] >= PAYS * n)
        best = max(gains, key=gains.get)
        if paying == 1:
            said.append(f"Over {name} it never pays: two ranks are {gains[2]:.2f} times as fast as one.")
        else:
            said.append(
                f"Over {name} it pays up to {paying} ranks ({gains[paying]:.1f} times as fast), each doing at least "
                f"half of what it would do alone; beyond {best} ranks the step gets slower again."
            )
    carried = report["bytes"] / 1e6
    said.append(
        f"The reason is one comparison: {one - report['undivided_ms']:.0f} ms of work are divided by the ranks; the "
        f"optimizers' {report['undivided_ms']:.0f} ms and the {carried:.0f} MB that each sends and receives are not. A "
        f"larger batch has more work for the same message, so it pays for longer."
    )
    return " ".join(said)


if __name__ == "__main__":
    sys.exit(main())
