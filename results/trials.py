"""Try a recipe on validation images of seeds that no row has; the test error stays hidden.

    python -m results try "--z 8 --set condition_on_y=true" --seeds 10-14 --jobs 2

Each trial trains like run_mnist.py, but never reads the test set. One half of the validation images takes its place.
The other half names clusters and fits the probe. Each trial adds a line with its flags and measures to trials.jsonl,
which is under version control.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
LOG = HERE / "trials.jsonl"
RESERVED = range(5)  # the seeds of the rows
MEASURES = (
    "test_error", "cluster_error", "reconstruction_error", "content_accuracy", "exchange_accuracy", "style_leak",
    "style_spread", "judge_accuracy",
)  # fmt: skip


def try_seeds(flags, seeds, jobs, backend):
    """Try `flags` on each of `seeds`, `jobs` side by side, one thread each; return the worst status."""
    if reserved := sorted(set(seeds) & set(RESERVED)):
        print(f"--seeds: {reserved[0]} is a seed of the rows; try others, such as 10-14", file=sys.stderr)
        return 2
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}

    def call(seed):
        line = [sys.executable, "-m", "results.trials", flags, str(seed), backend]
        return subprocess.call(line, cwd=HERE.parent, env=environment)

    with ThreadPoolExecutor(jobs) as pool:
        return max(pool.map(call, seeds))


def trial(flags, seed, backend):
    """Train with `flags` (text, as on the command line) and `seed`; return the line for the log."""
    from tinyaae import Backend, build, cli, data
    from tinyaae.config import Config
    from tinyaae.metrics import evaluate
    from tinyaae.training import Batches, train
    from tinyaae.training.run import commit
    from tinyaae.training.run_folder import RunFolder

    started = time.perf_counter()
    asked = vars(cli.parser().parse_args(shlex.split(flags)))
    config = Config.of(**{flag: value for flag, value in asked.items() if value is not None} | {"seed": seed})
    dataset, device = data.load_mnist(), Backend.named(backend)
    config = config.for_data(dataset).for_backend(device)
    model, batches = build(config, device), Batches(dataset, config, device)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.create(Path(folder) / "run")
        run.write_config(replace(config, animate=False))
        train(model, batches, run, quiet=True)
    images, labels = batches.validation
    half = len(labels) // 2
    hidden = dataset._replace(x_test=images[half:], y_test=labels[half:])
    found = evaluate(model, hidden, (images[:half], labels[:half]))
    measured = {name.replace("test_", "validation_"): found[name] for name in MEASURES if found.get(name) is not None}
    return {
        "date": time.strftime("%Y-%m-%d"), "commit": commit(), "flags": flags, "seed": seed,
        "seconds": round(time.perf_counter() - started), **measured,
    }  # fmt: skip


def main(argv=None):
    """Make one trial, print it and add it to the log."""
    parser = argparse.ArgumentParser(prog="python -m results.trials")
    parser.add_argument("flags")
    parser.add_argument("seed", type=int)
    parser.add_argument("backend")
    args = parser.parse_args(argv)
    line = json.dumps(trial(args.flags, args.seed, args.backend))
    print(line, flush=True)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
