"""Time one training step, side by side: tinyaae, PyTorch, JAX, and the matrix products alone.

    python -m benchmarks.step                          the paper's network, Adam, batch 100
    python -m benchmarks.step --optimizer momentum --width 1000 --batch 1000
    python -m benchmarks.step --only tinyaae,floor --json FILE

Each contender runs in a process of its own, for thread pools disturb each other. They take turns, a few steps each,
round after round (A B C, A B C, …), so that a machine whose speed drifts drifts for all. A turn's figure is its mean
step; the table has the median over the turns, and the ratios of medians. PyTorch and JAX are the extra `bench`; a
contender whose library is missing is left out, and the table says so.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTENDERS = {  # name -> class in contenders.py and its arguments
    "numpy": {
        "tinyaae": ("Tinyaae", {}),
        "tinyaae-fast": ("Tinyaae", {"backend": "numpy-fast"}),
        "floor": ("Floor", {}),
        "torch-eager": ("Torch", {}),
        "torch-fused": ("Torch", {"fused": True}),
        "torch-compile": ("Torch", {"fused": True, "compiled": True}),
        "jax-jit": ("Jax", {}),
    },
    "cupy": {
        "tinyaae": ("Tinyaae", {"backend": "cupy"}),
        "torch-eager": ("Torch", {"device": "cuda"}),
        "torch-fused": ("Torch", {"device": "cuda", "fused": True}),
        "torch-compile": ("Torch", {"device": "cuda", "fused": True, "compiled": True, "mode": "max-autotune"}),
        "jax-jit": ("Jax", {}),
    },
}


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=CONTENDERS, default="numpy")
    parser.add_argument("--optimizer", choices=("adam", "momentum"), default="adam")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=10, help="steps a turn")
    parser.add_argument("--only", help="contenders, with commas between")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--contender", help=argparse.SUPPRESS)  # a child: what to be
    args = parser.parse_args(argv)
    if args.contender and CONTENDERS[args.backend][args.contender][0] == "Tinyaae":
        import tinyaae  # noqa: F401 (before NumPy, as its users would: it tells OpenBLAS something)
    from .workload import Workload

    work = Workload(args.width, args.batch, args.optimizer)
    if args.contender:
        return take_turns(*CONTENDERS[args.backend][args.contender], work, args.threads)
    names = args.only.split(",") if args.only else list(CONTENDERS[args.backend])
    unknown = sorted(set(names) - CONTENDERS[args.backend].keys())
    if unknown:
        parser.error(f"--only: there is no {unknown[0]}; expected some of {', '.join(CONTENDERS[args.backend])}")
    report = race(names, work, args)
    print(table(report))
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")
    return 0


def race(names, work, args):
    """Return the report of a race: medians, all turns, who was missing, and what it was run on."""
    environment = os.environ | {name: str(args.threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    if args.backend == "numpy":
        environment |= {"JAX_PLATFORMS": "cpu"}
    else:  # JAX would round products to TF32 and take most of the memory, as the others do not
        environment |= {"JAX_DEFAULT_MATMUL_PRECISION": "highest", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    given = ["--width", args.width, "--batch", args.batch, "--optimizer", args.optimizer, "--threads", args.threads]
    children, missing, started = {}, {}, []
    for name in names:
        command = [sys.executable, "-m", "benchmarks.step", "--backend", args.backend, "--contender", name]
        child = subprocess.Popen([*command, *map(str, given)], cwd=ROOT, env=environment, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        started.append(child)
        answer = child.stdout.readline()  # each warms up alone
        if answer.startswith("ready"):
            children[name] = child
        else:
            missing[name] = answer.strip() or "it ended without a word"
    turns = {name: [] for name in children}
    for turn in range(args.rounds):
        for name, child in [*children.items()]:
            if answer := ask(child, args.steps):
                turns[name].append(float(answer))
            else:
                missing[name] = f"it ended in round {turn + 1}"
                del children[name], turns[name]
        print(f"\rround {turn + 1} of {args.rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)
    for child in started:
        with suppress(BrokenPipeError):
            child.communicate()
    return {
        "median_ms": {name: round(statistics.median(found), 3) for name, found in turns.items()},
        "turns_ms": turns,
        "missing": missing,
        "width": work.width, "batch": work.batch, "optimizer": work.optimizer, "backend": args.backend,
        "threads": args.threads, "gflop": round(work.flops / 1e9, 3), "machine": platform.machine(),
        "python": platform.python_version(), "date": time.strftime("%Y-%m-%d"), "commit": commit(),
    }  # fmt: skip


def ask(child, steps):
    """Let a contender take some steps; return its line of milliseconds a step, empty where it has ended."""
    try:
        child.stdin.write(f"{steps}\n")
        child.stdin.flush()
    except BrokenPipeError:
        return ""
    return child.stdout.readline()


def take_turns(kind, arguments, work, threads):
    """Be a contender: warm up, then for every number on the standard input take so many steps and print their mean."""
    voice = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to the standard error
    try:
        from . import contenders

        contender = getattr(contenders, kind)(work, threads, **arguments)
    except Exception as error:  # a missing library, no GPU: whatever it is, the others race without this one
        print(" ".join(f"{type(error).__name__}: {error}".split()), file=voice)
        return 1
    batches = [contender.load(work.images(k)) for k in range(4)]
    for k in range(12):
        contender.step(batches[k % 4])
    contender.finish()
    print("ready", file=voice, flush=True)
    for line in sys.stdin:
        started, steps = time.perf_counter(), int(line)
        for k in range(steps):
            contender.step(batches[k % 4])
        contender.finish()
        print((time.perf_counter() - started) * 1000 / steps, file=voice, flush=True)
    return 0


def table(report):
    """Return the report as a Markdown table."""
    medians = report["median_ms"]
    peers = {name: ms for name, ms in medians.items() if name.startswith(("torch", "jax"))}
    lines = [
        f"{report['optimizer']}, width {report['width']}, batch {report['batch']}, {report['threads']} threads, "
        f"{report['gflop']} GFLOP of matrix products, {report['machine']}, {report['date']}, commit {report['commit']}",
        "",
        "| | median ms | fastest turn | slowest turn | of the floor | of torch-eager |",
        "|---|---|---|---|---|---|",
    ]
    for name, ms in sorted(medians.items(), key=lambda item: item[1]):
        turns = report["turns_ms"][name]
        shares = [f"{ms / medians[other]:.2f}" if other in medians else "" for other in ("floor", "torch-eager")]
        lines.append(f"| {name} | {ms:.1f} | {min(turns):.1f} | {max(turns):.1f} | {shares[0]} | {shares[1]} |")
    lines += [f"| {name} | not run: {why} | | | | |" for name, why in report["missing"].items()]
    if peers and "tinyaae" in medians:
        best = min(peers, key=peers.get)
        ratio = medians["tinyaae"] / peers[best]
        lines += ["", f"tinyaae takes {ratio:.2f} of the time of the fastest peer, {best}."]
    return "\n".join(lines)


def commit():
    """Return the short name of the commit, with a + where files have changed since; "unknown" without git."""
    try:
        git = ["git", "-C", str(ROOT)]
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + ("+" if changed.stdout.strip() else "")


if __name__ == "__main__":
    sys.exit(main())
