"""Run the paper's experiments, write the tables of the results, and check them against the files.

    python -m results run semi-supervised-100 --seeds 0-4 --jobs 2     start, or continue what was stopped
    python -m results run likelihood-10m --seeds 0                     10 million samples from the run of `likelihood`
    python -m results try "--z 8" --seeds 10-14                        on validation images, with the test set unread
    python -m results one-class                                        one digit left out: an AAE must find it
    python -m results beyond                                           8 × 8 digits and a table, beside other methods
    python -m results curves                                           the validation error against the epochs
    python -m results keep RUN semi-supervised-100                     a finished run becomes a pretrained model
    python -m results table                                            write the tables from the files
    python -m results check                                            fail where tables and files disagree

The tables are in results/README.md, and the short table is also in README.md, between two marks.

Each run is one call of run_mnist.py into results/<experiment>/seed-<n>/. Its config.json, metrics.csv and result.json
are kept under version control; its checkpoints and pictures are not.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinyaae.surroundings import run_program, usable_cpus

from . import beyond, curves, keep, one_class
from .experiments import EXPERIMENTS, HEADLINES
from .trials import try_seeds
from .words import CLUSTERING_EXTRAS, LEGEND, OPENING, PICTURES

HERE = Path(__file__).parent
README = HERE / "README.md"
FRONT = HERE.parent / "README.md"  # the project's
MARKS = "<!-- python -m results table writes what stands between these marks -->\n", "<!-- end of the table -->\n"


def main(argv=None):
    """Do what `argv` asks for, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m results", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run an experiment, or continue it")
    offered = [name for name, experiment in EXPERIMENTS.items() if not experiment.record]
    run.add_argument("name", metavar="NAME", help=f"one of {', '.join(offered)}")
    run.add_argument("--seeds", type=seeds, default="0", help="e.g. 0-4 or 0,2")
    run.add_argument("--jobs", type=int, default=1, help="runs side by side; they share the cores")
    run.add_argument("--backend", default="numpy")
    run.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="folder of the runs, results/ unless given")
    run.add_argument("--flags", default="", help="further flags of run_mnist.py, e.g. '--epochs 40'")
    trial = verbs.add_parser("try", help="try a recipe on validation images, with the test set unread")
    trial.add_argument("flags", help="flags of run_mnist.py, in one pair of quotes")
    trial.add_argument("--seeds", type=seeds, default="10", help="e.g. 10-14; not those of the rows, 0-4")
    trial.add_argument("--jobs", type=int, default=1, help="trials side by side")
    trial.add_argument("--backend", default="numpy")
    single = verbs.add_parser("one-class", help="train without one digit, and find it by scores")
    single.add_argument("--digits", type=seeds, default="0-9", help="e.g. 0-4 or 0,2")
    verbs.add_parser("beyond", help="digits of 8 x 8 pixels and a table, beside methods of scikit-learn")
    verbs.add_parser("curves", help="draw the validation error against the epochs")
    kept = verbs.add_parser("keep", help="write a finished run to the package, as a pretrained model")
    kept.add_argument("run", metavar="RUN", help="the folder of the run")
    kept.add_argument("name", metavar="NAME", choices=keep.MODELS, help=f"one of {', '.join(keep.MODELS)}")
    verbs.add_parser("table", help="write the tables in results/README.md and README.md")
    verbs.add_parser("check", help="fail where the tables and the files disagree")
    args = parser.parse_args(argv)
    if args.verb == "run" and args.name not in offered:
        record = args.name in EXPERIMENTS and EXPERIMENTS[args.name].record
        why = f"a record; check out commit {record} to run it" if record else "no experiment"
        print(f"{args.name}: {why}; expected one of {', '.join(offered)}", file=sys.stderr)
        return 2
    if args.verb == "run":
        return run_seeds(args.name, args.seeds, args.jobs, args.backend, args.flags, args.out.resolve())
    if args.verb == "one-class":
        one_class.run(args.digits)
        return 0
    if args.verb in ("beyond", "curves"):
        {"beyond": beyond, "curves": curves}[args.verb].run()
        return 0
    if args.verb == "keep":
        return keep.run(args.run, args.name, row_in_words)
    if args.verb == "try":
        return try_seeds(args.flags, args.seeds, args.jobs, args.backend)
    if args.verb == "table":
        README.write_text(table(), encoding="utf-8")
        FRONT.write_text(front(), encoding="utf-8")
        return 0
    for page, text in (README, table()), (FRONT, front()):
        if page.read_text(encoding="utf-8") != text:
            print(f"{page}: its table is not what the files say; run python -m results table", file=sys.stderr)
            return 1
    print("the tables agree with the files")
    return 0


def seeds(text):
    """Return the list of seeds in "0-4" or "0,2,5"."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r} given, expected seeds such as 0-4 or 0,2")
        found += range(int(first), int(last or first) + 1)
    return found


def run_seeds(name, chosen, jobs, backend, flags, out):
    """Run the unfinished seeds, `jobs` side by side with an equal share of the cores; return the worst status.

    The runs are in folders of `out`/`name`, or of the experiment whose runs this one reports.
    """
    threads = max(1, usable_cpus() // jobs)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}

    experiment, home = EXPERIMENTS[name], out / (EXPERIMENTS[name].of or name)

    def run_seed(seed):
        folder, status = home / f"seed-{seed}", 0
        result = folder / "result.json"
        if result.is_file() and experiment.key in json.loads(result.read_text()):
            print(f"{folder}: finished; to run it again, move the folder away")
            return 0
        if not result.is_file() and (folder / "checkpoint.npz").is_file():
            status = call(seed, "--resume", str(folder))
        elif not result.is_file():
            given = [*shlex.split(experiment.flags), *shlex.split(flags)]
            status = call(seed, *given, "--seed", str(seed), "--backend", backend, "--out", str(folder))
        elif not experiment.samples:
            print(f"{result}: has no {experiment.key}; move the folder away, and it is made anew, with it")
            return 1
        if status == 0 and experiment.samples:
            status = call(seed, "--evaluate", str(folder), "--samples", str(experiment.samples))
        return status

    def call(seed, *arguments):
        told = home / f"seed-{seed}.log"
        print(f"{name}, seed {seed}: follow it in {told}", flush=True)
        with told.open("a") as log:
            status = subprocess.call([sys.executable, "run_mnist.py", *arguments], cwd=HERE.parent, env=environment,
                                     stdout=log, stderr=subprocess.STDOUT)  # fmt: skip
        last = told.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
        print(f"{name}, seed {seed}: status {status}", *last, sep="; ", flush=True)
        return status

    home.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        return max(pool.map(run_seed, chosen))


def table():
    """Return the text of results/README.md, made from the files of the runs alone."""
    lines = ["# Compared with the paper", "", OPENING, "", *in_short(), "", "## Row by row", "", LEGEND, ""]
    lines += header("experiment | paper | best public | here, mean ± s.d.")
    commands = []
    for name, experiment in EXPERIMENTS.items():
        ablation = name.startswith("ablation-")
        if name == "ablation-none":
            lines += [PICTURES, CLUSTERING_EXTRAS]
            lines += header("extra | clusters in use | the paper's protocol | by majority")
        runs = runs_of(name)
        known = ablation_columns(runs) if ablation else [experiment.paper, experiment.public]
        title = experiment.title + (f" (record of {experiment.record})" if experiment.record else "")
        lines.append("| " + " | ".join([title, *known, summary(experiment, runs)]) + " |")
        if runs:
            seen = ", ".join(value_text(experiment, result) for result, _ in runs)
            made = f"`python run_mnist.py {experiment.flags} --seed N`"
            made += f", then `--evaluate RUN --samples {experiment.samples}`" if experiment.samples else ""
            made += f" at commit {experiment.record}" if experiment.record else ""
            commands.append(f"* `{name}`: {seen}. Made by {made}")
    lines += beyond.lines() + one_class.lines()
    lines += keep.lines()
    lines += ["", "## Seed by seed", "", *(commands or ["Nothing has been run yet."])]
    lines.append("")
    return "\n".join(lines)


def runs_of(name):
    """Return (result, config) of each finished run of row `name`, seed by seed."""
    experiment = EXPERIMENTS[name]
    runs = [(json.loads(file.read_text()), json.loads(file.with_name("config.json").read_text()))
            for file in sorted(HERE.glob(f"{experiment.of or name}/seed-*/result.json"))]  # fmt: skip
    return [(result, config) for result, config in runs if experiment.key in result]


def in_short():
    """Return the lines of the short table: a row for each experiment of the paper."""
    columns = ["experiment", "paper", "its objectives alone, here", "with additional terms, here"]
    lines = ["| " + " | ".join([*columns, "`python -m results run` …"]) + " |", "|" + "---|" * (len(columns) + 1)]
    for base, (plain, ours) in HEADLINES.items():
        values = []
        for name in (plain, ours):
            runs = runs_of(name) if name else []
            seeds_run = f", {len(runs)} seed{'s' * (len(runs) > 1)}"
            values.append(mean_text(EXPERIMENTS[name], runs) + seeds_run if runs else "not run" if name else "")
        names = ", ".join(f"`{name}`" for name in (plain, ours) if name)
        lines.append("| " + " | ".join([EXPERIMENTS[base].title, EXPERIMENTS[base].paper, *values, names]) + " |")
    return lines


def front():
    """Return the text of the project's README with the present short table."""
    text = FRONT.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    return before + MARKS[0] + "\n".join(in_short()) + "\n" + MARKS[1] + rest.split(MARKS[1])[1]


def header(first):
    """Return the two lines that open a table: the columns in `first`, and those about how a row was run."""
    columns = f"{first} | seeds | epochs | hidden | minutes a run | run on"
    return [f"| {columns} |", "|" + "---|" * (columns.count("|") + 1)]


def ablation_columns(runs):
    """Return the number of clusters in use and the error by the paper's protocol, means over the seeds, as texts."""
    if not runs:
        return ["", ""]
    used, error = [statistics.mean(result[key] for result, _ in runs) for key in ("clusters_used", "cluster_error")]
    return [f"{used:.0f}", f"{100 * error:.2f}"]


def value_text(experiment, result):
    """Return the value of one seed: a log-likelihood in nats, an error in %."""
    value = result[experiment.key]
    return f"{value:.1f}" if experiment.better == "higher" else f"{100 * value:.2f}"


def mean_text(experiment, runs):
    """Return mean ± standard deviation over the seeds, errors in %, as a text.

    The mean content accuracy follows if all runs have one. Semi-supervised runs say where D_gauss does not read y.
    """
    factor, digits = (1, 1) if experiment.better == "higher" else (100, 2)
    values = [factor * result[experiment.key] for result, _ in runs]
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    content = [result.get("content_accuracy") for result, _ in runs]
    said = f" (content {statistics.mean(content):.0%})" if None not in content and experiment.better == "lower" else ""
    apart = any(config["mode"] == "semi-supervised" and not config["condition_on_y"] for _, config in runs)
    said += ", z judged alone" * apart
    return f"**{statistics.mean(values):.{digits}f}{spread}**{said}"


def row_in_words(name, seed):
    """Return the mean of row `name` over its seeds, and its value with `seed`."""
    experiment, runs = EXPERIMENTS[name], runs_of(name)
    mean = f"{mean_text(experiment, runs).replace('**', '')} over {len(runs)} seeds"
    alone = [value_text(experiment, result) for result, _ in runs if result["seed"] == seed]
    return f"{mean}, {alone[0]} with seed {seed}" if alone else mean


def summary(experiment, runs):
    """Return the last columns of a row."""
    if not runs:
        return "not run | | | | | "
    result, config = runs[0]
    minutes = statistics.mean(result["seconds"] for result, _ in runs) / 60
    seeds_run = ", ".join(str(result["seed"]) for result, _ in runs)
    hidden = "-".join(str(width) for width in config["hidden"])
    columns = [mean_text(experiment, runs), seeds_run, config["epochs"], hidden, f"{minutes:.0f}", result["machine"]]
    return " | ".join(map(str, columns))


if __name__ == "__main__":
    sys.exit(run_program(main))
