"""Keep a finished run as a pretrained model of the package, with weights in 8 bits.

    python -m results keep RUN NAME

NAME is a key of `MODELS`, and the flags that stand there must have made RUN. The numbers before quantization are those
that the run reported. The kept model is tested once, for the numbers after it.
"""

import shlex
import sys
from dataclasses import asdict, replace
from typing import NamedTuple


class Kept(NamedTuple):
    """A pretrained model: `flags` of run_mnist.py make it, `row` is the experiment that stands beside it.

    `differs` says how the recipe differs from the row's; "" where it is the row's. `key` is the entry of result.json
    that says how good the model is.
    """

    flags: str
    row: str = ""
    differs: str = ""
    key: str = "test_error"


MODELS = {
    "semi-supervised-100": Kept("--preset semi-supervised --seed 0", "semi-supervised-100-information-pairs"),
    "clustering-30": Kept("--preset clustering-30 --seed 0", "clustering-30-information-pairs", key="cluster_error"),
    "supervised": Kept("--mode supervised --seed 0", key="content_accuracy"),
    "reduction-2d-1000": Kept(
        "--preset reduction --labels 1000 --set lr_classifier=0.01 --seed 0", "reduction-2d-1000-information-pairs"
    ),
}  # fmt: skip
MEASURES = "test_error", "cluster_error", "reconstruction_error", "content_accuracy", "exchange_accuracy"
FILLED_IN = "preset", "revision", "backend", "threads", "ranks", "data_name", "data_digest"
LIKELIHOOD = "log_likelihood", "parzen"  # these entries are those of the weights before quantization
TITLE = "## Pretrained models"
ABOUT = """\
`tinyaae.load(NAME)` opens these models, and so does each command that reads a run: `tinyaae explore NAME`. Their
weights have 8 bits. `python -m results keep RUN NAME` writes such a model from a finished run, and measures it
again."""


def run(path, name, says):
    """Write the run in the folder `path` to the package as `name`; return the exit status.

    says: a function of the name of a row and a seed, which returns the row's numbers in words.
    """
    from tinyaae import UserError, data, load
    from tinyaae.metrics import evaluate
    from tinyaae.training import Batches
    from tinyaae.training.pretrained import HERE, write_pretrained
    from tinyaae.training.quantize import with_quantized_weights
    from tinyaae.training.run_folder import RunFolder

    try:
        folder, kept = RunFolder.open(path), MODELS[name]
        made, result = folder.config(), folder.result()
        if result is None:
            raise UserError(f"{path}: not finished; python run_mnist.py --resume {path}")
        asked = config_of(kept.flags)
        for field, value in asdict(made).items():
            if field not in FILLED_IN and value != asdict(asked)[field]:
                came = f"{path}: {field} is {value}, expected {asdict(asked)[field]}"
                raise UserError(f"{came}, as python run_mnist.py {kept.flags} makes it")
        model, mnist = load(path), data.load_mnist()
        made.expect_data(mnist)
        validation = Batches(mnist, made, model.backend).validation
        found = evaluate(with_quantized_weights(model), mnist, validation, likelihoods=False)
        before = {measure: result[measure] for measure in MEASURES if result.get(measure) is not None}
        row = {"name": kept.row, "differs": kept.differs, "says": says(kept.row, made.seed)} if kept.row else None
        added = {"before_quantization": before, "row": row, "command": f"python run_mnist.py {kept.flags}"}
        result = {key: value for key, value in result.items() if not key.startswith(LIKELIHOOD)}
        about = {
            # numpy, which every machine has, computes the same bits as numpy-fast, and nearly those of a GPU
            "config": asdict(replace(made, revision=name, backend="numpy")), "metrics": folder.metrics(),
            "result": result | found | added | {"revision": name},
        }  # fmt: skip
        file = HERE / f"{name}.npz"
        write_pretrained(file, model, about)
    except UserError as error:
        print(f"keep: {error}", file=sys.stderr)
        return 2
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB, {kept.key} {before[kept.key]:.4f}, now {found[kept.key]:.4f}")
    return 0


def config_of(flags):
    """Return the config that the flags of run_mnist.py ask for."""
    from tinyaae import cli
    from tinyaae.config import Config

    asked = vars(cli.parser().parse_args(shlex.split(flags)))
    return Config.of(**{flag: value for flag, value in asked.items() if value is not None})


def lines():
    """Return the section of results/README.md."""
    from tinyaae.training.pretrained import HERE, PretrainedRun

    columns = ["model", "row", "what the row has, in %", "recipe", "in its run", "with 8 bits", "MB", "made by"]
    table = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for name, kept in MODELS.items():
        file = HERE / f"{name}.npz"
        if not file.is_file():
            continue
        result = PretrainedRun(file).result()
        label = kept.key.replace("_", " ")
        cells = [f"`{name}`", "none", "", "the quick one of its mode"]
        if kept.row:
            cells[1:] = [f"`{kept.row}`", result["row"]["says"], kept.differs or "the same"]
        cells += [f"{label} {100 * result['before_quantization'][kept.key]:.2f} %", f"{100 * result[kept.key]:.2f} %"]
        cells += [f"{file.stat().st_size / 1e6:.2f}", f"`{result['command']}`"]
        table.append("| " + " | ".join(cells) + " |")
    return ["", TITLE, "", ABOUT, "", *table]
