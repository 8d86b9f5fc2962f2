"""The numbers that a run starts from: a preset, and what each mode changes in it. A flag may change them again.

`quick` trains in minutes on two CPU cores. `paper` is the paper's own network and recipe: SGD with momentum, weights
drawn from N(0, 0.01), and rates that fall to a tenth at the epochs the paper names. What is in neither has the default
of `Config`.
"""

# The paper's optimizer: where no label helps Q, Adam lets D_cat win before y has become one-hot, and this does not.
SGD = dict(weight_std=0.01, optimizer="momentum", lr_reconstruction=0.01, lr_adversarial=0.1, adversarial_momentum=0.1)

PRESETS = {
    "quick": {},
    "paper": SGD
    | dict(
        hidden=(1000, 1000),
        epochs=5000,
        batch_norm=False,
        input_noise=0.0,
        step_decay={50: 0.1, 1000: 0.1},
        linear_decay_from=None,
    ),
}

# mode, or (preset, mode), or these and "gentle" or "elsewhere" -> what differs from the preset. Gentle is: there are
# labels, and z has two dimensions or VirtualAdversarial is at work; without it SGD gets further in as many epochs
OWN = {
    "vae": dict(posterior="gaussian", z=8),
    "gan": dict(input_noise=0.0),
    "aae": dict(z=8),
    "label-regularized": dict(prior="mixture", z=2, labels=10000, images=50000),  # 40 000 unlabelled, as in the paper
    "supervised": dict(z=15, labels="all"),
    "semi-supervised": dict(labels=100),
    # with batch norm in P, too, it learns so fast that y is taken for style before it is one-hot
    "clustering": dict(clusters=16, z=5, input_noise=0.0, input_dropout=0.2, head_norm=True, decoder_norm=False),
    "reduction": dict(labels=1000, clusters=20, z=2),
    # y decides what P paints: D_gauss reads y beside z and learns fast, and z of 8 holds little but style
    ("quick", "semi-supervised"): dict(
        epochs=17,
        z=8,
        hidden=(500, 500),
        condition_on_y=True,
        lr_adversarial=6e-4,
        reconstruction="cross-entropy",
        head_norm=True,
        linear_decay_from=0.75,
    ),
    # in minutes 15 dimensions learn to hold the digit too; 5 keep to style, and nothing else where D reads the digit
    ("quick", "supervised"): dict(z=5, condition_on_y=True),
    # what keeps D from winning: slow steps, units that leak and drop out, a target out of reach, noise over all images
    ("quick", "gan"): dict(
        epochs=25, hidden=(300, 300), z=20, input_noise=0.5, lr_adversarial=2e-4, leak=0.2, dropout=0.3, smoothing=0.1
    ),
    ("quick", "label-regularized"): dict(lr_reconstruction=5e-4, lr_adversarial=1e-3),
    ("quick", "clustering"): SGD | dict(epochs=20),
    ("quick", "reduction"): dict(epochs=15),
    ("quick", "reduction", "elsewhere"): SGD,
    # y reaches P through the long rows of W_C, so Reconstruction pulls hard at it: slow steps there, fast ones beside
    ("quick", "reduction", "gentle"): dict(
        input_noise=0.4,
        reconstruction="cross-entropy",
        head_norm=True,
        lr_reconstruction=3e-4,
        lr_adversarial=1e-3,
    ),
    ("paper", "aae"): dict(prior_options={"std": 5.0}),  # its likelihood; z has 8 dimensions in both presets
    ("paper", "semi-supervised"): dict(input_noise=0.3),
    ("paper", "clustering"): dict(hidden=(3000, 3000), epochs=1500, batch_norm=True, step_decay={50: 0.1}),
}


def is_gentle(mode, preset, flags):
    """Return whether a run with these `flags` takes the "gentle" recipe, in a mode that has one."""
    own = OWN.get(mode, {}) | flags
    return (preset, mode, "gentle") in OWN and own.get("labels", 0) != 0 and bool(own.get("z") == 2 or own.get("vat"))


def numbers_of(mode, preset, gentle):
    """Return what differs from the defaults of `Config`, name -> value."""
    recipe = preset, mode, "gentle" if gentle else "elsewhere"
    return PRESETS[preset] | OWN.get(mode, {}) | OWN.get((preset, mode), {}) | OWN.get(recipe, {})
