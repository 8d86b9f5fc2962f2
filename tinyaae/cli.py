"""The command line: `tinyaae VERB …`, and `python run_mnist.py …` from a checkout.

Exit status: 0 done, 2 a mistake in what was asked (one line says which), 3 the numbers diverged, 130 interrupted by
Ctrl-C, 143 by SIGTERM, both after saving; a second Ctrl-C stops at once, and the last checkpoint stands.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from . import data
from .backend import Backend
from .backend.distributed import base as distributed
from .config import Config
from .config.fields import ABOUT, Numbers, choices_of, lacks, names
from .config.imports import import_file, in_own_file
from .config.modes import MODES
from .errors import Diverged, Interrupted, UserError
from .metrics import content, evaluate
from .metrics import likelihood as parzen
from .model import build
from .surroundings import CLOSED_PIPE, expanded, expect_printed, run_program, usable_cpus
from .training import Batches
from .training.checkpoint import START
from .training.pretrained import PretrainedRun, open_run, pretrained_names
from .training.run import complete, started_from
from .training.run_folder import RunFolder

EXAMPLES = """\
examples:
    python run_mnist.py                          semi-supervised, 100 labels, on the CPU, in minutes
    python run_mnist.py --mode label-regularized --prior swiss-roll
    python run_mnist.py --resume runs/20260101-120000
    python run_mnist.py --evaluate runs/20260101-120000 --samples 10000000
    mpiexec -n 4 python run_mnist.py             four processes share each batch (pip install -e ".[mpi]")
"""
VERBS = """\
tinyaae train …                       train a model: tinyaae train --help
tinyaae resume RUN                    continue the run in this folder
tinyaae evaluate RUN [--samples N]    test a trained run
tinyaae draw RUN [--all]              its seven pictures again, or all it has, into its figures/
tinyaae compare RUN RUN … [--out F]   the latent spaces of several runs on one page
tinyaae encode RUN FILE               codes, classes and probabilities of images, as .npz and .csv
tinyaae score RUN FILE [--by HOW]     how much each image is like the training images
tinyaae explore RUN [--out FILE]      a page on which the run's networks are tried, as one .html
tinyaae lab [--port N]                a page on which a small model is trained by hand, a phase at a time
tinyaae modes                         the modes, a line each
RUN is the folder of a run, or a pretrained model: {models}.
Each verb takes --import FILE, a Python file that registers modes and priors of your own.
"""
program = "run_mnist.py"  # how `main` was called; messages begin with it


PATHS = ("data", "out", "resume", "evaluate", "start_from")  # the flags that take a path
WORDS = {"None": "none", "": "none", "False": "false", "True": "true", "{}": "none"}
METAVARS = {int: "N", float: "X", str: "NAME"}


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line."""

    def error(self, message):
        self.exit(2, f"{program}: {in_one_line(message)}; see {program} --help\n")


def labels(text):
    try:
        return text if text == "all" else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} given, expected a whole number, or all") from None


def widths(text):
    try:
        sizes = tuple(int(width) for width in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} given, expected widths such as 400 or 400,400") from None
    return sizes * 2 if len(sizes) == 1 else sizes


# fields whose values are written in their own way -> how they are read, and their form
SPECIAL = {"labels": (labels, "N|all"), "hidden": (widths, "N[,N…]"), "data": (str, "PATH")}
TYPES = {int: int, float: float, bool: bool}


def parser(mode="semi-supervised", preset="quick"):
    """Return the parser of the flags; its help has the defaults of `mode` under `preset`."""
    defaults = defaults_of(mode, preset)
    p = Parser(
        prog=program, description="Train an adversarial autoencoder, and look at what came out.", allow_abbrev=False,
        epilog=f"{settings_in_words(defaults)}\nmodes:\n{modes_in_words()}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    for name in [f.name for f in fields(Config) if ABOUT[f.name].how == "flag"]:
        about, kind = ABOUT[name], TYPES.get(Numbers.__annotations__[name], str)
        known = choices_of(name)
        words = about.meaning + (f": {', '.join(known)}" if known and name != "mode" else "")
        line = f"{words} ({default_in_words(Config() if name == 'mode' else defaults, name)})"
        how = {"action": "store_true", "default": None} if kind is bool else {"type": kind, "metavar": METAVARS[kind]}
        if name in SPECIAL:
            how = {"type": SPECIAL[name][0], "metavar": SPECIAL[name][1]}
        p.add_argument("--" + name.replace("_", "-"), help=line.replace("%", "%%"), **how)
    p.add_argument("--extra", action="append", metavar="NAME=NUMBER", help="a further term; may be repeated; see below")
    p.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting; may be repeated; see below")
    p.add_argument(
        "--import", dest="imports", action="append", metavar="FILE",
        help="run this Python file first, which registers modes and priors of your own; may be repeated",
    )  # fmt: skip
    p.add_argument("--out", metavar="DIR", help="the run's folder; default: runs/REVISION")
    p.add_argument("--revision", metavar="NAME", help="the run's name; default: date and time")
    p.add_argument("--start-from", metavar="RUN", help="start from the last weights of this run, as a new run")
    p.add_argument("--resume", metavar="RUN", help="continue the run in this folder")
    p.add_argument("--evaluate", metavar="RUN", help="test this trained run")
    p.add_argument(
        "--samples",
        type=int,
        metavar="N",
        help="with --evaluate: the likelihood under N samples, 10000000 in the paper; it can be continued",
    )
    p.add_argument("--quiet", action="store_true", default=None, help="print the result alone")
    return p


def defaults_of(mode, preset):
    """Return the config of `mode` under `preset`, or of no flags at all where there are no such names."""
    try:
        return Config.of(mode, preset)
    except UserError:
        return Config.of()


def default_in_words(config, name):
    """Return the default of a field in words, in the mode of `config`."""
    if lacks(MODES[config.mode], name):
        return f"not in mode {config.mode}"
    value = getattr(config, name)
    if isinstance(value, tuple):
        return "default: " + ",".join(map(str, value))
    return f"default: {WORDS.get(str(value), value)}"


def settings_in_words(config):
    """Return a line for each setting and each extra."""
    lines = ["settings, --set NAME=VALUE (values as in config.json):"]
    lines += [line_of(config, name) for name in names("set") if name != "prior_options"]
    lines += [
        "    prior_OPTION              an option of the prior, such as prior_std=5",
        "",
        "extras, --extra NAME=NUMBER:",
    ]
    lines += [line_of(config, name, name.replace("_", "-")) for name in names("extra")]
    return "\n".join(lines) + "\n"


def line_of(config, name, written=None):
    """Return how field `name` is written, what it means, and its default."""
    known = choices_of(name)
    words = ABOUT[name].meaning + (f"; {' or '.join(choice or 'null' for choice in known)}" if known else "")
    return f"    {written or name:<25} {words} ({default_in_words(config, name)})"


def modes_in_words():
    """Return a line for each mode."""
    return "".join(f"    {name:18} {mode.about}\n" for name, mode in MODES.items())


def start_program(entry):
    """Return the exit status of `entry()`, as the one job of this process: SIGTERM stops it like Ctrl-C.

    So does a closed pipe, as in `… | head -1`, with status 141.
    """
    signal.signal(signal.SIGTERM, terminate)
    return run_program(entry)


def command():
    """Be the installed command `tinyaae`."""
    return start_program(verbs)


def verbs(argv=None):
    """Do what `tinyaae VERB …` asks; return the exit status."""
    verb, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in ("resume", "evaluate") and {"-h", "--help"} & set(rest):
        verb = "--help"  # the list of verbs says all that these two take
    if verb == "train":
        return main(rest, "tinyaae train")
    if verb in ("resume", "evaluate"):
        return main([f"--{verb}", *rest], "tinyaae")
    try:
        rest = without_imports(rest)
        if verb in ("draw", "compare"):
            return draw_or_compare(verb, rest)
        if verb in ("encode", "score"):
            return main_of_inference([verb, *rest])
        if verb == "explore":
            return explore(rest)
        if verb == "lab":
            return lab(rest)
        if verb in ("modes", "--help", "-h"):
            print(modes_in_words() if verb == "modes" else VERBS.format(models=", ".join(pretrained_names())), end="")
            expect_printed()
            return 0
        expected = "train, resume, evaluate, draw, compare, encode, score, explore, lab or modes"
        raise UserError(f"there is no verb {verb!a}; expected {expected}")
    except UserError as error:
        print(f"tinyaae: {in_one_line(error)}", file=sys.stderr)
        return 2


def main_of_inference(argv):
    """Use a trained run on a file; return the exit status."""
    global program
    program = f"tinyaae {argv[0]}"
    from .inference import main as use

    try:
        return use(argv, Parser)
    except (UserError, OSError) as error:
        print(f"{program}: {in_one_line(error)}", file=sys.stderr)
        return 2


def draw_or_compare(verb, argv):
    """Do what `tinyaae draw` and `tinyaae compare` ask; return the exit status."""
    from . import figures  # not before: it loads Matplotlib

    global program
    program = f"tinyaae {verb}"
    p = Parser(prog=program, formatter_class=argparse.RawDescriptionHelpFormatter)
    if verb == "draw":
        p.description = (
            f"Draw the first {figures.FIRST} of these pictures that a run has, into its figures/ or NAME-figures/."
        )
        p.epilog = "pictures (an animated run also has latent.gif):\n" + "".join(
            f"    {each.name:16} {each.about}\n" for each in figures.PICTURES
        )
        p.add_argument("run", metavar="RUN", help="the run's folder, or a pretrained model")
        p.add_argument("--all", dest="everything", action="store_true", help="draw all pictures that the run has")
        do = draw
    else:
        p.description = "Draw the latent spaces of several runs on one page (figure 2 of the paper)."
        p.add_argument("runs", metavar="RUN", nargs="+", help="the runs' folders, from left to right")
        p.add_argument("--out", metavar="FILE", default="side_by_side.png", help="a .png; default: side_by_side.png")
        do = compare
    args = vars(p.parse_args(argv))
    return distributed.SINGLE_PROCESS.run(lambda: guarded(lambda: do(**args)))


def explore(argv):
    """Do what `tinyaae explore` asks; return the exit status."""
    global program
    program = "tinyaae explore"
    p = Parser(prog=program, description="Write one .html on which the networks of a trained run are tried.")
    p.add_argument("run", metavar="RUN", help="the run's folder, or a pretrained model")
    p.add_argument("--out", metavar="FILE", help="a .html; default: RUN/explorer.html, or NAME.html here")
    p.add_argument(
        "--with-images", action="store_true", help="your own test images and their codes come along; MNIST's always do"
    )
    args = vars(p.parse_args(argv))
    return distributed.SINGLE_PROCESS.run(lambda: guarded(lambda: write_explorer(**args)))


def lab(argv):
    """Do what `tinyaae lab` asks; return the exit status."""
    global program
    program = "tinyaae lab"
    p = Parser(
        prog=program, description="Serve a page to a browser on this computer, until Ctrl-C. On it you train a small "
        "adversarial autoencoder by hand: one phase at a time, with points in a plane or with MNIST.",
    )  # fmt: skip
    p.add_argument("--port", type=int, default=0, metavar="N", help="of 127.0.0.1; default: a free one")
    port = p.parse_args(argv).port
    if not 0 <= port < 2**16:
        raise UserError(f"--port: {port} given, expected 1 to 65535, or 0 for a free one")
    from .explorer.lab import serve

    return distributed.SINGLE_PROCESS.run(lambda: guarded(lambda: serve(port)))


def main(argv=None, called="run_mnist.py"):
    """Do what the flags in `argv` ask, on all ranks if mpiexec started several; return the exit status."""
    global program
    program, started = called, time.perf_counter()
    try:
        ranks = distributed.started()
    except UserError as error:
        status, line = refused(error, 2)
        return distributed.SINGLE_PROCESS.run(lambda: (status, line if distributed.speaks() else None))
    return ranks.run(lambda: work(argv, ranks, started))


def without_imports(argv):
    """Run the files that `--import` names in `argv`; return the rest of it."""
    first = Parser(prog=program, add_help=False, allow_abbrev=False)
    first.add_argument("--import", dest="imports", action="append", default=[])
    asked, rest = first.parse_known_args(argv)
    for file in asked.imports:
        import_file(expanded(file))
    return rest


def first_look(argv):
    """Run the files that `argv` imports; return the mode and the preset that it asks for, whose defaults help shows."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--mode")
    first.add_argument("--preset", default="quick")
    first.add_argument("--import", dest="imports", action="append", default=[])
    try:
        asked, _ = first.parse_known_args(argv)
    except argparse.ArgumentError:
        return None, "quick"
    for file in asked.imports:
        import_file(file)
    return asked.mode, asked.preset


def work(argv, ranks, started):
    """Do what the flags in `argv` ask; return the exit status and what to say on the standard error.

    `started` is when that began, on the clock `time.perf_counter`.
    """

    def job():
        asked = parser(*first_look(argv)).parse_args(argv)
        flags = {name: value for name, value in vars(asked).items() if value is not None and name != "imports"}
        obey(flags, ranks, started)

    return guarded(job)


def obey(flags, ranks, started):
    """Do what the flags (name -> value) ask."""
    for name, value in flags.items():
        flag = name.replace("_", "-")
        if isinstance(value, str) and not value.isprintable():
            raise UserError(f"--{flag}: {value!a} given, expected a name that can be printed; is it UTF-8?")
        if name in PATHS:
            try:
                flags[name] = expanded(value)
            except UserError as error:
                raise UserError(f"--{flag}: {error}") from None
    quiet = flags.pop("quiet", False)
    for verb, do in (("resume", resume), ("evaluate", test)):
        if verb in flags:
            run = flags.pop(verb)
            if verb == "evaluate" and "samples" in flags:
                do = likelihood
                run = run, flags.pop("samples")
            if flags:
                other = sorted(flags)[0].replace("_", "-")
                raise UserError(f"--{verb}: takes no --{other}; the run's own config.json says all but --quiet")
            do(run, quiet, ranks, started)
            return
    start(flags, quiet, ranks, started)


def guarded(job):
    """Call `job()`; return the exit status and what to say on the standard error."""
    try:
        job()
    except UserError as error:
        return refused(error, 2)
    except Diverged as error:
        return refused(error, 3)
    except MemoryError as error:
        where = "GPU memory" if "cupy" in type(error).__module__ else "memory"
        return refused(f"not enough {where}; a smaller --hidden or --batch-size, or less --data?", 2)
    except OSError as error:
        return refused(f"{error}; is the disk full, or a file not ours to read or write?", 2)
    except KeyboardInterrupt as stop:
        status = getattr(stop, "status", 130)
        return status, None if status == CLOSED_PIPE else f"\n{program}: interrupted{stop}"
    except Exception as error:
        if place := in_own_file(error):
            return refused(place, 2)
        raise
    return 0, None


def refused(error, status):
    """Return the exit status and an error as one line."""
    return status, f"{program}: {in_one_line(error)}"


def in_one_line(error):
    """Return the text of an error without the line breaks that a name in it may hold."""
    return " ".join(str(error).split())


def terminate(number, frame):
    raise Interrupted(number)


def start(flags, quiet, ranks, started):
    """Check everything before anything is written, then train."""
    if "samples" in flags:
        raise UserError("--samples: goes with --evaluate RUN")
    out, revision, run = (flags.pop(name, None) for name in ("out", "revision", "start_from"))
    ranks.on_rank_0(lambda: RunFolder.check(out, revision))
    if flags.get("data"):
        flags["data"] = os.path.abspath(flags["data"])  # so that --resume finds it from anywhere
    config = Config.of(**flags)
    backend, dataset = prepare(config, quiet, ranks)
    config = config.for_data(dataset).for_backend(backend)
    model, batches = assemble(config, backend, dataset)
    start = started_from(run, model)
    folder = RunFolder.create(out, revision, ranks)
    folder.begin(model, start)
    if not quiet and config.data:
        print(about_data(dataset))
    if start and not quiet:
        found = start["start_from"]
        print(f"starts from {found['run']} after epoch {found['epoch']}: {', '.join(found['networks'])}")
    with folder.locked():
        finish(model, batches, dataset, folder, START, quiet, started)


def about_data(dataset):
    """Return what was read, in one line: how many images, which labels, how many without one."""
    n, unlabelled = len(dataset.y_train), int(np.sum(dataset.y_train < 0))
    words = f"{dataset.name}: {n} training images, {len(dataset.y_test)} test images"
    words += " held out of them" if dataset.held_out else ""
    if dataset.classes:
        known = dataset.names or range(dataset.classes)
        shown = ", ".join(str(name) for name in known[:10]) + (", …" if dataset.classes > 10 else "")
        words += f"; {dataset.classes} labels: {shown}"
        words += f"; {unlabelled} training images are unlabelled" if unlabelled else ""
        words += "" if np.any(dataset.y_test >= 0) else "; no test image has a label, so there is no test error"
    return words + ("" if dataset.classes else "; no labels")


def resume(run, quiet, ranks, started):
    """Continue the run from its last checkpoint; a finished run is left as it is."""
    folder = open_run(run, ranks)
    if folder.result() is not None:
        print(f"{run} is finished already; --evaluate {run} tests it.")
        return
    config = folder.config()
    backend, dataset = prepare_again(run, config, quiet, ranks)
    model, batches = assemble(config, backend, dataset)
    with folder.locked():
        position = folder.restore(model) if folder.began() else START
        folder.drop_metrics_after(position.epoch)
        here = config.for_backend(backend)
        for what in ("threads", "ranks"):
            made, now = getattr(config, what), getattr(here, what)
            if made != now:
                print(f"The run was made on {made} {what}, this is {now}: its last bits may differ.", file=sys.stderr)
        finish(model, batches, dataset, folder, position, quiet, started)


def test(run, quiet, ranks, started):
    """Print how well the run's last checkpoint does on the test set."""
    expect_alone(ranks)
    folder = open_run(run)
    config = folder.config()
    backend, dataset = prepare_again(run, config, quiet)
    model, batches = assemble(config, backend, dataset)
    done, pretrained = folder.restore(model), isinstance(folder, PretrainedRun)
    found = evaluate(model, dataset, batches.validation, likelihoods=not pretrained)
    print(f"{run} after {done.in_words(config.epochs)}: {in_words(found)}")
    if words := content.in_words(found):
        print(words)
    if pretrained:
        print(kept_in_words(folder.result()))
    expect_printed()


def kept_in_words(result):
    """Return the numbers of a pretrained model before 8 bits, those of the row of results/, and what made it."""
    before, row = result["before_quantization"], result["row"]
    words = f"before 8 bits: {in_words(before)}, content accuracy {before['content_accuracy']:.1%}\n"
    if row:
        recipe = row["differs"] or "the same recipe"
        words += f"row {row['name']} of results/ ({recipe}): {row['says']}, in %\n"
    return f"{words}made by {result['command']}"


def expect_alone(ranks):
    """Raise `UserError` where mpiexec started more than one process."""
    if ranks.size > 1:
        raise UserError(f"--evaluate: is the work of one process, not of {ranks.size}; leave mpiexec out")


def likelihood(run_and_samples, quiet, ranks, started):
    """Add to the run's result.json how likely the test images are under many samples, and print it."""
    expect_alone(ranks)
    run, samples = run_and_samples
    if samples < 1:
        raise UserError(f"--samples: {samples} given, expected a whole number from 1 up, e.g. 10000000")
    folder = open_run(run)
    config = folder.config()
    with folder.locked():
        result = folder.result()
        if result is None:
            raise UserError(f"--samples: {run} is not finished; --resume {run} first")
        backend, dataset = prepare_again(run, config, quiet)
        model, batches = assemble(config, backend, dataset)
        if not model.has_prior:
            raise UserError(f"--samples: mode {config.mode} has no prior for its codes to follow, and so no samples")
        if not model.has_joint_prior:
            came = f"{run} was trained with y and z judged apart, so pairs drawn from p(y) p(z) are not what P learned"
            raise UserError(f"--samples: {came}; a run with --set condition_on_y=true has a likelihood")
        folder.restore(model)
        sums = folder.path / f"parzen-{parzen.in_short(samples)}.npz"
        try:
            found = parzen.stream(model, dataset.x_test, batches.validation[0], samples, sums, quiet)
        except KeyboardInterrupt as stop:
            stop.args = ("; the same command continues where the sums were last saved",)
            raise
        folder.write_result(result | found)
        sums.unlink()
    end = parzen.suffix(samples)
    print(
        f"{run}, {samples} samples: log-likelihood {found['log_likelihood' + end]:.1f} ± "
        f"{found['log_likelihood_stderr' + end]:.1f} (Parzen, σ {found['parzen_sigma' + end]:.3f} found with "
        f"{found['parzen_searched' + end]} samples)"
    )


def draw(run, everything):
    """Draw the pictures of a run again."""
    from .figures import draw_all

    model, dataset, folder = opened(run)
    paths = draw_all(model, dataset, folder, everything=everything)
    print(f"{len(paths)} pictures in {folder.figures}")


def compare(runs, out):
    """Draw the latent spaces of several runs on one page."""
    from .figures import Subject, latent, layout

    out = expanded(out)
    if Path(out).suffix != ".png":
        raise UserError(f"--out: {out} given, expected a name that ends in .png")
    figure = layout.map_page(latent.side_by_side([Subject.of_run(*opened(run)) for run in runs]))
    try:
        layout.save(figure, out)
    except OSError as error:
        raise UserError(f"--out: {out} cannot be written ({error.strerror}); does its folder exist?") from error
    print(out)


def write_explorer(run, out, with_images):
    """Write the page of a run."""
    out = Path(expanded(out)) if out is not None else None
    if out is not None and (out.suffix != ".html" or out.is_dir()):
        raise UserError(f"--out: {out} given, expected a name that ends in .html")
    if out is not None and not out.parent.is_dir():
        raise UserError(f"--out: {out.parent} is no folder; make it first")
    model, dataset, folder = opened(run)
    from .explorer.page import write_page  # not before: it loads Matplotlib

    path = out or folder.page
    size, images = write_page(path, model, dataset, folder, with_images)
    hint = "" if images else "; --with-images adds some"
    print(f"{path}: {size / 1e6:.2f} MB, {images or 'no'} test images{hint}")


def opened(run):
    """Return the model of a run after its last checkpoint, on NumPy, with its data and its folder."""
    folder = open_run(run)
    config = replace(folder.config(), backend="numpy")
    backend, dataset = prepare_again(run, config, quiet=True)
    config.expect_data(dataset)
    model = build(config, backend)
    folder.restore(model)
    return model, dataset, folder


def prepare(config, quiet, ranks=distributed.SINGLE_PROCESS):
    """Return the backend, which shares its batches with `ranks`, and the data that `config` asks for."""
    backend = Backend.named(config.backend, notice=(lambda text: None) if quiet else print)
    with_gpu, without = ranks.all_reduce_max(int(backend.name == "cupy"), int(backend.name != "cupy"))
    if with_gpu and without:
        raise UserError("--backend auto: some ranks have a GPU and some have none; say --backend numpy")
    return backend.join(ranks), data.load_mnist() if config.data is None else data.load(
        config.data, table=config.is_table
    )


def prepare_again(run, config, quiet, ranks=distributed.SINGLE_PROCESS):
    """Do what `prepare` does for a run made earlier, maybe on another machine."""
    try:
        return prepare(config, quiet, ranks)
    except UserError as error:
        raise UserError(f'{error}; "data" and "backend" can be changed in {run}/config.json') from error


def assemble(config, backend, dataset):
    """Return the system and its batches; `UserError` where the data are not those of `config`."""
    batches = Batches(dataset, config, backend)
    return build(config, backend), batches


def finish(model, batches, dataset, folder, position, quiet, started):
    """Train from `position` to the end, evaluate, draw, write result.json, and say what came out."""
    config, ranks = model.config, model.backend.communicator
    if not quiet:
        made = f"{model.backend.name}, {ranks.size} ranks" if ranks.size > 1 else model.backend.name
        print(f"{config.mode}, {config.preset} preset, {made}, seed {config.seed}, into {folder.path}")
        threads, cores = ranks.local_size * model.backend.threads, usable_cpus()
        if ranks.local_size > 1 and threads > cores:
            print(f"{threads} threads on {cores} cores wait for each other; OPENBLAS_NUM_THREADS=1 may be faster")
    result, pictures = complete(model, batches, dataset, folder, position, quiet, started)
    drawn = (
        f"{len(pictures)} pictures in {folder.path / 'figures'}"
        if pictures
        else next((warning for warning in result["warnings"] if warning.startswith("no pictures")), "no pictures")
    )
    print(f"{in_words(result)}; {result['seconds']:.0f} s; {drawn}")
    if words := content.in_words(result):
        print(words)
    if not quiet:
        for warning in content.warnings_in(result):
            print(f"warning: {warning}")


def in_words(found):
    texts = {
        "test_error": "test error {:.2%}",
        "cluster_error": "cluster error {:.2%}",
        "log_likelihood": "log-likelihood {:.0f} (Parzen)",
        "log_likelihood_resampled": "{:.0f} resampled by D_gauss",
        "reconstruction_error": "reconstruction error {:.2f}",
    }
    if "test_set" in found:
        texts["test_error"] = "error {:.2%} on the held-out images"
    return ", ".join(text.format(found[name]) for name, text in texts.items() if found.get(name) is not None)
