"""Everything worth knowing about a machine with a GPU, in one command, written down as it goes.

    python -m benchmarks.gpu --out DIR                  what works, how fast, and beside PyTorch and JAX (10 minutes)
    python -m benchmarks.gpu --out DIR --parts tests
    python -m benchmarks.gpu --out DIR --parts runs --runs "semi-supervised-100 0-4 5 --epochs 40"

The parts, each in a process and with a time limit of its own, so that one that fails or hangs costs no other:

    probe   each thing that the CuPy backend relies on, alone, from the compiler to a recorded graph: where it stops
    steps   recorded steps against steps as written: equal? and how long, beside the matrix products alone
    peers   `benchmarks.step --backend cupy`: the same step in PyTorch and JAX, each raced against tinyaae alone
    tests   the tests that a GPU takes part in; on a new machine most of their time goes into compiling
    runs    `results run`, several seeds side by side ("name seeds jobs flags"; with --mps through NVIDIA's MPS)

DIR gets summary.json (rewritten after every part), one log a part, steps.json, a file for each peer, the runs, and
their numbers in runs.tar.gz. With --rehearse all sizes are tiny; on the stand-in for CuPy it takes two minutes.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import time
import traceback
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"probe": 90, "steps": 150, "tests": 560, "runs": 560}  # seconds
PEERS = {"torch-eager": 60, "torch-fused": 60, "jax-jit": 80, "torch-compile": 120}  # the slowest to start goes last
DEFAULT_PARTS, DEFAULT_LIMIT = "probe,steps,peers", 570
SAVING, KILLING = 20, 5  # seconds that a stopped part has to save its work, and then to end


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--parts", default=DEFAULT_PARTS, help="with commas between, in this order")
    parser.add_argument("--limit", type=float, default=DEFAULT_LIMIT, help="seconds for all parts together")
    parser.add_argument("--runs", action="append", default=[], metavar="'NAME SEEDS JOBS FLAGS'")
    parser.add_argument("--mps", action="store_true", help="let the processes of `runs` share the GPU through MPS")
    parser.add_argument("--rehearse", action="store_true", help="tiny sizes, to try this command without a GPU")
    parser.add_argument("--only", choices=("probe", "steps"), help=argparse.SUPPRESS)  # a child: which part to be
    args = parser.parse_args(argv)
    parts = args.parts.split(",")
    known = [*LIMITS, "peers"]
    if unknown := sorted(set(parts) - set(known)):
        parser.error(f"--parts: {', '.join(unknown)} given, expected some of {', '.join(known)}")
    if ("runs" in parts) != bool(args.runs):
        parser.error("--parts runs and --runs belong together; e.g. --runs 'semi-supervised-100 0-4 5 --epochs 40'")
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.only == "probe":
        return probe(args.out)
    if args.only == "steps":
        return steps(args.out, *([REHEARSED, 1] if args.rehearse else []))
    summary, end = {"machine": machine()}, time.monotonic() + args.limit
    for part in parts:
        before = set(args.out.glob(RESULTS))
        for name, command in commands(part, args):
            limit = min(PEERS[name] if part == "peers" else LIMITS[part], end - time.monotonic())
            summary[name] = run(name, command, limit, args.out, mps=args.mps and part == "runs")
            if part == "runs" and summary[name]["outcome"] == "done" and set(args.out.glob(RESULTS)) == before:
                summary[name]["outcome"] = "nothing was run"
            (args.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
            print(f"{name}: {summary[name]['outcome']}, {summary[name]['seconds']:.0f} s", flush=True)
            print("\n".join("    " + line for line in summary[name]["end"]), flush=True)
        if part == "runs":
            pack_results(args.out)
    return int(any(found.get("outcome", "done") != "done" for found in summary.values()))


RESULTS = "runs/*/*/result.json"


def commands(part, args):
    """Yield (name, command) of a part."""
    python = [sys.executable, "-m"]
    if part in ("probe", "steps"):
        small = ["--rehearse"] if args.rehearse else []
        yield part, [*python, "benchmarks.gpu", "--out", str(args.out), "--only", part, *small]
    if part == "tests":
        small = ["tests/unit/test_fused.py"] if args.rehearse else []
        spread = ["-n", "8"] if find_spec("xdist") and not args.rehearse else []
        shown = ["-ra", "--maxfail=40", "-W", "default", "-W", "error:this step cannot be recorded:UserWarning"]
        chosen = ["-k", "cupy and not without", "-p", "no:cacheprovider", *small]
        yield part, [*python, "pytest", *chosen, *spread, *shown]
    if part == "peers":
        small = ["--width", "8", "--batch", "10", "--rounds", "2", "--steps", "2"] if args.rehearse else []
        for name in PEERS:
            options = ["--backend", "cupy", "--only", f"tinyaae,{name}", "--json", str(args.out / f"{name}.json")]
            yield name, [*python, "benchmarks.step", *options, *small]
    if part == "runs":
        for k, text in enumerate(args.runs):
            name, seeds, jobs, *flags = text.split()
            options = ["--seeds", seeds, "--jobs", jobs, "--backend", "cupy", f"--flags={' '.join(flags)}"]
            yield f"runs-{k}-{name}", [*python, "results", "run", name, *options, "--out", str(args.out / "runs")]


def run(name, command, limit, out, mps=False):
    """Run a command with its output in a log, for `limit` seconds at most; return what came of it.

    The last seconds of the limit are for saving its work.
    """
    started, log = time.monotonic(), out / f"{name}.log"
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": search, "PYTHONUNBUFFERED": "1"}
    if mps:
        environment |= {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/mps", "CUDA_MPS_LOG_DIRECTORY": "/tmp/mps"}
        tell_mps("-d", environment)
    outcome, limit = "no time left", limit - SAVING - KILLING
    if limit > 0:
        with log.open("w") as file:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                status = child.wait(limit)
                outcome = "done" if status == 0 else f"failed with status {status}"
            except subprocess.TimeoutExpired:
                outcome = f"stopped after {limit:.0f} s"
                stop(child)
    if mps:
        tell_mps(None, environment)
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return {"outcome": outcome, "seconds": round(time.monotonic() - started, 1), "end": lines[-25:]}


def stop(child):
    """End a process and all that it started: politely, so that runs save their work, then by force."""
    for how, seconds in ((signal.SIGTERM, SAVING), (signal.SIGKILL, KILLING)):
        end = time.monotonic() + seconds
        try:
            os.killpg(child.pid, how)
            while time.monotonic() < end:
                child.poll()
                os.killpg(child.pid, 0)  # is anybody left?
                time.sleep(0.1)
        except ProcessLookupError:
            return


def tell_mps(option, environment):
    """Start NVIDIA's daemon that lets processes share a GPU at the same moment, or end it (option None)."""
    command = ["nvidia-cuda-mps-control", *([option] if option else [])]
    try:
        Path(environment["CUDA_MPS_PIPE_DIRECTORY"]).mkdir(exist_ok=True)
        said = subprocess.run(command, env=environment, input="" if option else "quit\n", text=True,
                              capture_output=True, timeout=20)  # fmt: skip
        print(f"MPS {option or 'quit'}: status {said.returncode} {said.stdout}{said.stderr}".strip(), flush=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"MPS: {error}", flush=True)


def pack_results(out):
    """Put the runs' configs, metrics, results and logs into one archive, without checkpoints and pictures."""
    with tarfile.open(out / "runs.tar.gz", "w:gz") as archive:
        for log in sorted(out.glob("runs-*.log")):
            archive.add(log, log.name)
        for path in sorted((out / "runs").rglob("*")):
            if path.name in ("config.json", "metrics.csv", "result.json") or path.suffix == ".log":
                archive.add(path, path.relative_to(out))


def machine():
    """Return what is known of this machine and its software."""
    found = {"python": sys.version.split()[0], "cpus": os.cpu_count(), "time": time.strftime("%Y-%m-%d %H:%M:%S")}
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    for key, command in (("gpu", query), ("commit", ["git", "-C", str(ROOT), "rev-parse", "HEAD"])):
        try:
            found[key] = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            found[key] = str(error)
    for name in ("numpy", "cupy", "torch", "jax"):
        found[name] = find_spec(name) is not None
    return found


# The children: with a GPU ------------------------------------------------------------------------------------------


def probe(out):
    """Try each thing that the backend relies on, in the order in which it would fail; go on where it can."""
    state, failures = {}, 0

    def imports():
        import cupy

        state["cupy"] = cupy
        runtime = cupy.cuda.runtime
        return (
            f"CuPy {cupy.__version__}, CUDA runtime {runtime.runtimeGetVersion()}, driver {runtime.driverGetVersion()}"
        )

    def backend():
        from tinyaae.backend.cuda.backend import CupyBackend

        state["backend"] = CupyBackend()
        return state["backend"].device

    def kernels():
        return sorted(state["backend"]._kernels)

    def noise():
        b = state["backend"]
        return [round(float(b.xp.sum(f((1, 2, 3, 4), (1000, 1000)))) / 1e6, 4) for f in (b.normal, b.uniform)]

    def product():
        import numpy as np

        b, rng = state["backend"], np.random.default_rng(0)
        x, y = rng.normal(size=(2, 500, 500))
        error = np.linalg.norm(b.to_numpy(b.xp.matmul(b.array(x), b.array(y))) - x @ y) / np.linalg.norm(x @ y)
        return f"relative error {error:.1e} (float32: below 1e-6, TF32: 3e-4)"

    def graph_of(function):
        def record():
            b = state["backend"]
            x = b.xp.ones((4, 4), dtype=b.dtype)
            function(b, x)
            launch, _, values = b.record(lambda f: (["a"], f(b, x)), function)
            launch()
            before = float(b.xp.sum(values))
            x[...] = 2
            launch()
            return f"{before} then {float(b.xp.sum(values))}"

        return record

    graphs = {
        "graph of an elementwise kernel": lambda b, x: x + 1,
        "graph of a raw kernel": lambda b, x: b.uniform((1, 2, 3, 4), (4, 4)) + x,
        "graph of a memset": lambda b, x: b.zeros((4, 4)) + x,
        "graph of a sum over rows": lambda b, x: b.xp.sum(x, axis=0),
        "graph of a sum over all": lambda b, x: b.xp.sum(x),
        "graph of a mean and a maximum": lambda b, x: b.xp.mean(x, axis=0) + b.xp.max(x, axis=1, keepdims=True),
        "graph of a concatenation": lambda b, x: b.xp.concat([x, x], axis=1),
        "graph of a cuBLAS product": lambda b, x: b.xp.matmul(x, x.T),
        "graph of a slice changed in place": lambda b, x: _changed_slice(x + 0),
        "graph of packed values": lambda b, x: b.pack([b.xp.sum(x), b.xp.mean(x)]),
    }
    tries = {"CuPy": imports, "backend": backend, "kernels compiled": kernels, "noise": noise, "product": product}
    tries |= {name: graph_of(function) for name, function in graphs.items()}
    for name, attempt in tries.items():
        started = time.monotonic()
        try:
            print(f"ok      {name}: {attempt()} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception:
            failures += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            if "backend" not in state:
                break
    return int(failures > 0)


def _changed_slice(x):
    x[:, :2] += 1
    return x


PAPER_NETWORK = dict(hidden=(1000, 1000), batch_norm=False, head_norm=False, reconstruction="squared", z=10)
CASES = {"benchmark": PAPER_NETWORK, "quick": {}, "quick, 1000 wide": {"hidden": (1000, 1000)}}
REHEARSED = {"tiny": {"hidden": (8, 7), "batch_size": 10}}
KINDS = {"graph": {}, "as written": {"graphs": False}, "graph, tf32": {"tf32": True}}


def steps(out, cases=CASES, n=100, dataset=None):
    """Compare recorded steps with steps as written, and time both; write steps.json after each.

    Return status 1 where they differ, and where a step cannot be recorded.
    """
    from tinyaae import data
    from tinyaae.backend.cuda.graph import Recording

    dataset, table, worst = dataset or data.load_mnist(), {}, 0.0
    for name, flags in cases.items():
        found = table[name] = {}
        found["off by, in a loss and in a weight"] = off = differences(flags, dataset)
        worst = max(worst, *off)
        for kind, options in KINDS.items():
            backend, model, batches = assembled(flags, dataset, **options)
            batch = next(batches)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                for _ in range(5):
                    model.step(batch)
            found[kind] = timed(backend, partial(model.step, batch), n)
            print(f"{name}, {kind}: {found[kind]['ms']:.3f} ms ({found[kind]['host']:.3f} of the host)", flush=True)
            for warning in said:
                print(f"{name}, {kind}: {warning.message}", flush=True)
            if kind == "graph":
                (step,) = model._captured.values()
                recording = getattr(next(iter(step.recordings.values())), "__self__", None)
                if isinstance(recording, Recording):
                    found["graph alone"] = timed(backend, recording.launch, n)
                    found |= products_alone(backend, model, batch, n)
                else:
                    found["not recorded"], worst = [str(warning.message) for warning in said], math.inf
                found["MB of GPU memory"] = backend.xp.get_default_memory_pool().total_bytes() / 1e6
            (out / "steps.json").write_text(json.dumps(table, indent=2) + "\n")
        alone = {part: found[part]["ms"] for part in ("graph alone", "products alone") if part in found}
        print(f"{name}: {', '.join(f'{part} {ms:.3f} ms' for part, ms in alone.items())}", flush=True)
        print("{}: recorded steps off by {:.1e} in a loss, {:.1e} in a weight".format(name, *off), flush=True)
    return int(not worst < 1e-3)


def assembled(flags, dataset, **options):
    """Return a backend, a fresh system on it, and the batches of an epoch."""
    from tinyaae.backend.cuda.backend import CupyBackend
    from tinyaae.config import Config
    from tinyaae.model import build
    from tinyaae.training import Batches

    backend = CupyBackend(**options)
    config = Config.of("semi-supervised", **flags).for_data(dataset)
    return backend, build(config, backend), Batches(dataset, config, backend).epoch(0)


def differences(flags, dataset, n=50):
    """Return by how much n recorded steps differ from n as written: the most in a loss (relative), in a weight."""
    outcomes = []
    for graphs in (True, False):
        backend, model, batches = assembled(flags, dataset, graphs=graphs)
        rows = [model.step(batch) for _, batch in zip(range(n), batches, strict=False)]
        losses = [float(value) for row in rows for value in row.values()]
        outcomes.append((losses, [backend.to_numpy(array) for array in model.state().values()]))
    (losses, weights), (others, other_weights) = outcomes
    far = max(abs(weight - other).max() for weight, other in zip(weights, other_weights, strict=True))
    return [max(abs(a - b) / (1 + abs(b)) for a, b in zip(losses, others, strict=True)), float(far)]


def products_alone(backend, model, batch, n):
    """Return the time of a step's matrix products, recorded without anything between them, and their GFLOP."""
    cublas, products = backend._cublas, []
    gemm = cublas._gemm

    def listed(a, b, c, add):
        products.append((a, b, c))
        gemm(a, b, c, add)

    cublas._gemm = listed
    try:
        model._step(model.phases, batch)
    finally:
        cublas._gemm = gemm

    def again(_):
        for a, b, c in products:
            gemm(a, b, c, add=False)
        return [], None

    launch, *_ = backend.record(again, None)
    flops = sum(2 * a.shape[0] * a.shape[1] * b.shape[1] for a, b, _ in products)
    return {"products alone": timed(backend, launch, n), "products": len(products), "GFLOP": flops / 1e9}


def timed(backend, call, n, rounds=7):
    """Return the median and the spread of milliseconds a call, and how long the host takes to ask for it."""
    cuda, times, host = backend.xp.cuda, [], []
    for _ in range(rounds):
        first, last = cuda.Event(), cuda.Event()
        backend.synchronize()
        started = time.perf_counter()
        first.record()
        for _ in range(n):
            call()
        last.record()
        host.append((time.perf_counter() - started) / n * 1e3)
        last.synchronize()
        times.append(cuda.get_elapsed_time(first, last) / n)
    return {"ms": statistics.median(times), "from": min(times), "to": max(times), "host": statistics.median(host)}


if __name__ == "__main__":
    sys.exit(main())
