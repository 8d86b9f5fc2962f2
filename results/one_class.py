"""One-class MNIST: an AAE is trained without one digit, and its scores must find that digit in the test set.

    python -m results one-class [--digits 0-9]

Each digit in turn is left out of the training images; the recipe is the quick one of mode aae, and nothing is chosen.
The AUC is the probability that a random image of the digit has a lower score than a random image of the others. Each
digit's numbers are written to one_class.json when they are there.
"""

import json
import os
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "one_class.json"
SCORES = "reconstruction", "discriminator", "density"
TITLE = "## One digit left out"
ABOUT = """\
An AAE (`--mode aae`, quick recipe, seed 0) is trained without one digit. The AUC is the probability that a test image
of this digit has a lower score than a test image of another digit. `python -m results one-class` makes the table.
The logit of D_gauss approaches ln p(z)/q(z). It is high where no training image has its code, so its AUC is below 0.5.
A 1 is reconstructed well by a decoder that never saw one."""


def run(digits):
    """Train without each of `digits` and write the AUC of each score; digits that are there are left as they are."""
    import tinyaae
    from tinyaae.metrics import auc
    from tinyaae.training.run import commit

    mnist = tinyaae.data.load_mnist()
    for digit in digits:
        found = read()
        if str(digit) in found:
            continue
        kept = mnist.y_train != digit
        data = tinyaae.data.from_arrays(
            mnist.x_train[kept], mnist.y_train[kept], mnist.x_test, mnist.y_test, name=f"mnist without {digit}"
        )
        model = tinyaae.train("aae", data=data, backend="numpy-fast").model
        row = {by: auc(model.score(mnist.x_test, by=by), mnist.y_test != digit) for by in SCORES}
        FILE.write_text(json.dumps(found | {str(digit): row | {"commit": commit()}}, indent=2) + "\n")
        print(digit, {by: round(value, 3) for by, value in row.items()}, flush=True)


def read():
    """Return digit -> its numbers, as far as they are there."""
    return json.loads(FILE.read_text()) if os.path.exists(FILE) else {}


def lines():
    """Return the section of results/README.md."""
    found = dict(sorted(read().items()))
    if not found:
        return []
    rows = [f"| {digit} | " + " | ".join(f"{row[by]:.3f}" for by in SCORES) + " |" for digit, row in found.items()]
    means = [np.mean([row[by] for row in found.values()]) for by in SCORES]
    head = ["| digit left out | by reconstruction | by D_gauss | by density |", "|---|---|---|---|"]
    return ["", TITLE, "", ABOUT, "", *head, *rows, "| mean | " + " | ".join(f"{mean:.3f}" for mean in means) + " |"]
