"""Draw the pictures of a run again, or the latent spaces of several runs on one page (figure 2 of the paper).

    python -m tinyaae.figures draw runs/my-run
    python -m tinyaae.figures compare runs/aae runs/vae --out aae_beside_vae.png

Exit status: 0 done, 2 a mistake in what was asked (one line says which).
"""

import argparse
import sys
from pathlib import Path

from .. import UserError, data, load
from ..config.imports import import_file, in_own_file
from ..training.run_folder import RunFolder
from . import draw_all
from .latent import side_by_side
from .layout import save


def main(argv=None):
    """Do what the words in `argv` ask; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tinyaae.figures", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    draw = verbs.add_parser("draw", help="the pictures of a run again, into its figures/")
    draw.add_argument("run", help="the run's folder")
    compare = verbs.add_parser("compare", help="the latent spaces of several runs on one page")
    compare.add_argument("runs", nargs="+", metavar="run", help="the runs' folders, from left to right")
    compare.add_argument("--out", default="side_by_side.png", metavar="FILE", help="default: side_by_side.png")
    for verb in (draw, compare):
        verb.add_argument(
            "--import", dest="imports", action="append", default=[], metavar="FILE",
            help="run this Python file first, which registers modes and priors of your own",
        )  # fmt: skip
    args = parser.parse_args(argv)
    try:
        for file in args.imports:
            import_file(file)
        if args.verb == "draw":
            paths = draw_all(*opened(args.run), RunFolder.open(args.run))
            print(f"{len(paths)} pictures in {Path(args.run) / 'figures'}")
        else:
            write(side_by_side([(Path(run).name, *opened(run)) for run in args.runs]), args.out)
            print(args.out)
    except (UserError, OSError) as error:
        hint = "" if isinstance(error, UserError) else "; is the disk full, or a file not ours to read or write?"
        print(f"python -m tinyaae.figures: {error}{hint}", file=sys.stderr)
        return 2
    except Exception as error:
        if not (place := in_own_file(error)):
            raise
        print(f"python -m tinyaae.figures: {place}", file=sys.stderr)
        return 2
    return 0


def opened(run):
    """Return the model of a run and the data it was trained on."""
    model = load(run)
    source = model.config.data
    dataset = data.load_mnist() if source is None else data.load(source)
    model.config.expect_data(dataset)
    return model, dataset


def write(figure, path):
    """Save `figure` at `path`, the user's choice."""
    if Path(path).suffix != ".png":
        raise UserError(f"--out: {path} given, expected a name that ends in .png")
    try:
        save(figure, path)
    except OSError as error:
        raise UserError(f"--out: {path} cannot be written ({error.strerror}); does its folder exist?") from error


if __name__ == "__main__":
    sys.exit(main())
