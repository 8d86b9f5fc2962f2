"""Does a refactoring move a number? Train an earlier commit and this checkout side by side and compare final weights.

    python tests/stress/refactoring.py                     against the commit BEFORE, every case
    python tests/stress/refactoring.py clustering vae      some cases

Each case of refactoring.json is a whole config of the earlier commit, no number left to a default: every mode, every
further term that was kept, and every setting of a published row, small, three epochs, NumPy, one thread. `renamed` and
`PHASE_NAMES` say what its fields, values and phases are called now. A phase's name keys its noise, so the earlier
commit is given the new names; then only true changes show. It is also given the hidden widths of P in reverse, as they
are now. Exit status 1 where final weights differ by a bit and the case is not in `CHANGED`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CONFIGS_BEFORE = json.loads((HERE / "refactoring.json").read_text())
BEFORE = "7358c58"  # the last commit of the old house
LEFT = ("mutual_information", "y_decoder", "repulsion", "balance", "z_penalty")  # fields whose terms have left
PHASE_NAMES = {"robustness": "vat", "smoothness": "latent-noise"}  # name of a phase before -> now
FIELD_NAMES = {  # name of a field before -> now
    "robustness": "vat", "information": "information_maximization", "smoothness": "latent_noise", "ramp": "vat_rampup",
    "patience": "adversarial_warmup", "held_y": "detach_y", "joint": "condition_on_y", "optimizer_y": "vat_optimizer",
    "rate_y": "lr_vat", "rate_reconstruction": "lr_reconstruction", "rate_adversarial": "lr_adversarial",
    "rate_classifier": "lr_classifier", "decay": "step_decay", "fade": "linear_decay_from",
}  # fmt: skip
CHANGED = {}  # case -> why its numbers had to change

# Runs in the earlier commit, and the same lines in this one; only how a config is made differs.
TRAINING = """
import json, sys
import numpy as np
from tinyaae import Backend, build, data
from tinyaae.training import Batches, schedule

cases, folder, names = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
mnist = data.load_mnist()
few = mnist._replace(x_train=mnist.x_train[:1200], y_train=mnist.y_train[:1200],
                     x_test=mnist.x_test[:200], y_test=mnist.y_test[:200])
for case, values in cases.items():
    config = made(values).for_data(few)
    backend = Backend.named("numpy")
    model, batches = build(config, backend), Batches(few, config, backend)
    phases = (model.optimized if hasattr(model, "optimized") else model.phases_with_optimizer)()
    for phase in phases:
        phase.name = names.get(phase.name, phase.name)
    factor = schedule(config)
    for epoch in range(config.epochs):
        for step, batch in enumerate(batches.epoch(epoch)):
            for phase in phases:
                phase.optimizer.scale = phase.optimizer.lr_scale = factor(epoch + step / batches.steps)  # then, now
            model.step(batch)
    networks = {name: backend.to_numpy(network.flat) for name, network in model.networks.items()}
    np.savez(f"{folder}/{case}.npz", **networks)
"""
MIRRORED = """
from tinyaae import networks
plain = networks.decoder
networks.decoder = lambda backend, d_code, hidden, *more, **named: plain(backend, d_code, hidden[::-1], *more, **named)
"""
OLD_CONFIG = """
from tinyaae.config import Config
def made(values):
    values = dict(values, hidden=tuple(values["hidden"]), side=tuple(values["side"]))
    return Config(**values | {"decay": {int(epoch): factor for epoch, factor in values["decay"].items()}})
"""
NEW_CONFIG = OLD_CONFIG.replace("decay", "step_decay")


def main(argv=None):
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CONFIGS_BEFORE, []], help="all unless given")
    args = parser.parse_args(argv)
    cases = {name: CONFIGS_BEFORE[name] for name in args.cases or CONFIGS_BEFORE}
    with tempfile.TemporaryDirectory() as work:
        old = Path(work) / "old"
        subprocess.run(["git", "-C", REPOSITORY, "worktree", "add", "--detach", "-q", old, BEFORE], check=True)
        try:
            before = weights_files(old, MIRRORED + OLD_CONFIG, cases, PHASE_NAMES, Path(work) / "before")
            now = {name: renamed(case) for name, case in cases.items()}
            after = weights_files(REPOSITORY, NEW_CONFIG, now, {}, Path(work) / "after")
        finally:
            subprocess.run(["git", "-C", REPOSITORY, "worktree", "remove", "--force", old], check=True)
        return max(compare_weights(name, before / f"{name}.npz", after / f"{name}.npz") for name in cases)


def renamed(values):
    """Return a config of the earlier commit as a config of this one."""
    for name in LEFT:
        assert values[name] == 0, f"{name} is {values[name]} in a case, but its term has left the package"
    return {FIELD_NAMES.get(name, name): value for name, value in values.items() if name not in LEFT}


def weights_files(checkout, config, cases, names, folder):
    """Train all cases with the code of `checkout`; return the folder of their final weights."""
    folder.mkdir()
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
    line = [sys.executable, "-c", config + TRAINING, json.dumps(cases), str(folder), json.dumps(names)]
    subprocess.run(line, cwd=folder, env=environment, check=True)
    return folder


def compare_weights(name, before, after):
    """Print whether two files of weights are the same, bit by bit; return 1 if they are not and should be."""
    with np.load(before) as old, np.load(after) as new:
        networks = sorted({*old, *new})
        apart = [key for key in networks if key not in old or key not in new or not np.array_equal(old[key], new[key])]
        both = [key for key in apart if key in old and key in new]
        worst = max((float(np.max(np.abs(old[key] - new[key]))) for key in both), default=0)
    said = f"differs in {', '.join(apart)} by up to {worst:.1e}" if apart else "the same bits"
    reason = f" (expected: {CHANGED[name]})" if name in CHANGED else ""
    print(f"{name:32} {said}{reason}", flush=True)
    return int(bool(apart) and name not in CHANGED)


if __name__ == "__main__":
    sys.exit(main())
