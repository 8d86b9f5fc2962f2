"""The numbers that a run starts from. A preset sets fields of `Config` and nothing else; a flag may change them again.

`quick` trains in minutes on two CPU cores. `paper` is the network and the recipe of the paper: SGD with momentum,
weights drawn from N(0, 0.01), and learning rates that fall to a tenth at the epochs that the paper names. The others
are rows of results/README.md that need many numbers; each sets its mode, too. What no table here sets has the default
of `fields.py`.
"""

# Where no label helps Q, Adam lets D_cat win before y has become one-hot, and the paper's optimizer does not.
PAPER_OPTIMIZER = {
    "weight_std": 0.01,
    "optimizer": "momentum",
    "lr_reconstruction": 0.01,
    "lr_adversarial": 0.1,
    "adversarial_momentum": 0.1,
}
PAPER = PAPER_OPTIMIZER | {
    "hidden": (1000, 1000),
    "epochs": 5000,
    "batch_norm": False,
    "input_noise": 0.0,
    "step_decay": {50: 0.1, 1000: 0.1},
    "linear_decay_from": None,
}

# what a mode sets, whatever the preset
MODE_DEFAULTS = {
    "vae": {"posterior": "gaussian", "z": 8},
    "gan": {"input_noise": 0.0},
    "aae": {"z": 8},
    # 40 000 unlabelled images, as in the paper
    "label-regularized": {"prior": "mixture", "z": 2, "labels": 10000, "images": 50000},
    "supervised": {"z": 15, "labels": "all"},
    "semi-supervised": {"labels": 100},
    # with batch norm in P, too, P learns so fast that y takes up style before it is one-hot
    "clustering": {
        "clusters": 16, "z": 5, "input_noise": 0.0, "input_dropout": 0.2, "head_norm": True, "decoder_norm": False,
    },
    "reduction": {"labels": 1000, "clusters": 20, "z": 2},
}  # fmt: skip

# preset, mode -> what the preset sets in that mode
BY_MODE = {
    # y decides what P paints: D_gauss reads y beside z and learns fast, and z of 8 holds little but style
    ("quick", "semi-supervised"): {
        "epochs": 17, "batch_size": 200, "z": 8, "hidden": (500, 500), "condition_on_y": True,
        "lr_reconstruction": 1.4e-3, "lr_adversarial": 9e-4, "reconstruction": "cross-entropy", "head_norm": True,
        "linear_decay_from": 0.75,
    },
    # in minutes z of 15 dimensions learns to hold the digit, too; z of 5 keeps to style where D reads the digit
    ("quick", "supervised"): {"z": 5, "condition_on_y": True},
    # D does not win with slow steps, leaky units, dropout, smoothed targets and noise on all images
    ("quick", "gan"): {
        "epochs": 25, "hidden": (300, 300), "z": 20, "input_noise": 0.5, "lr_adversarial": 2e-4, "leak": 0.2,
        "dropout": 0.3, "smoothing": 0.1,
    },
    ("quick", "label-regularized"): {"lr_reconstruction": 5e-4, "lr_adversarial": 1e-3},
    ("quick", "clustering"): PAPER_OPTIMIZER | {"epochs": 20},
    ("quick", "reduction"): {"epochs": 15},  # and one of the two recipes below
    ("paper", "aae"): {"prior_options": {"std": 5.0}},  # the prior of its likelihood
    ("paper", "semi-supervised"): {"input_noise": 0.3},
    ("paper", "clustering"): {"hidden": (3000, 3000), "epochs": 1500, "batch_norm": True, "step_decay": {50: 0.1}},
}  # fmt: skip

# In reduction y reaches P through the long rows of W_C, so Reconstruction has a strong gradient on y. Where labels help
# y against it, Adam is quicker: with slow steps of Reconstruction and fast ones of the adversary.
LABELLED_REDUCTION = {
    "input_noise": 0.4, "reconstruction": "cross-entropy", "head_norm": True, "lr_reconstruction": 3e-4,
    "lr_adversarial": 1e-3,
}  # fmt: skip
UNLABELLED_REDUCTION = PAPER_OPTIMIZER

LIKELIHOOD = {"z": 6, "epochs": 100, "input_noise": 0.1, "head_norm": True}
# y is soft at first: the weight of D_cat's loss grows slowly, Reconstruction moves no y, and y has no batch norm.
# D_gauss reads y, so z is left with the style.
CLUSTERING = BY_MODE["quick", "clustering"] | {
    "mode": "clustering", "epochs": 30, "batch_size": 250, "z": 8, "condition_on_y": True, "vat": 1.5,
    "information_maximization": 0.1, "vat_rampup": 1, "vat_optimizer": "adam", "lr_vat": 0.002,
    "adversarial_warmup": 20_000, "detach_y": True, "head_norm": False, "decoder_norm": False, "input_dropout": 0.0,
    "input_noise": 0.0,
}  # fmt: skip
PRESETS = {
    "quick": {},
    "paper": PAPER,
    "paper-batch-norm": PAPER | {"mode": "semi-supervised", "batch_norm": True, "weight_std": None, "input_noise": 0.3},
    # with labels D_gauss can learn faster, which keeps the digit out of z
    "semi-supervised": CLUSTERING | {"mode": "semi-supervised", "labels": 100, "z": 6, "lr_adversarial": 0.3},
    "clustering-16": CLUSTERING | {"clusters": 16},
    "clustering-30": CLUSTERING | {"clusters": 30},
    "reduction": CLUSTERING | {"mode": "reduction", "labels": 0, "clusters": 20, "z": 2, "eta": 8.0},
    "likelihood": LIKELIHOOD | {"mode": "aae"},
    "likelihood-labels": LIKELIHOOD | {"mode": "supervised", "condition_on_y": True},
}  # fmt: skip


def numbers_of(mode, preset, flags):
    """Return the numbers that `mode` under `preset` has before the `flags`, where no default of `fields.py` holds."""
    numbers = MODE_DEFAULTS.get(mode, {}) | PRESETS[preset] | BY_MODE.get((preset, mode), {})
    if (preset, mode) == ("quick", "reduction"):
        numbers |= LABELLED_REDUCTION if is_labelled_reduction(numbers | flags) else UNLABELLED_REDUCTION
    return numbers


def is_labelled_reduction(numbers):
    """Return whether labels help y enough for Adam: with z of two dimensions, or virtual adversarial training."""
    return numbers["labels"] != 0 and bool(numbers["z"] == 2 or numbers.get("vat"))
