"""The nine modes: what each can be told on the command line, and which of its networks read a y.

How a mode is built and trained is in `recipes.py`, what its numbers are in `presets.py`.
"""

from typing import NamedTuple

POSTERIORS = ("deterministic", "gaussian", "universal")


class Mode(NamedTuple):
    """What a mode can use: `flags` beside those that all can, and where the widths of Q's and P's y come from."""

    about: str
    flags: set
    q_y: str | None = None  # "classes", "clusters", or "either": classes where there are labels, else clusters
    p_y: str | None = None
    least_labels: int = 0
    label_conditional: bool = False  # whether a phase reads the label of each image of the batch


Y_EXTRAS, Z_EXTRAS = {"information_maximization", "vat"}, {"latent_noise"}  # the first want a y of Q's
EXTRAS = Y_EXTRAS | Z_EXTRAS  # what --extra NAME=NUMBER can ask for, NAME with dashes; all are off at 0
# the settings that a mode has a use for if it has a Q, a D, any network, and a y of Q's
OF_Q = {"reconstruction", "lr_reconstruction", "input_dropout", "head_norm"}
OF_D = {"lr_adversarial", "adversarial_momentum", "leak", "dropout", "smoothing"}
OF_ALL = {"optimizer", "weight_std", "batch_norm", "decoder_norm", "step_decay", "linear_decay_from"}
OF_Y = {"vat_rampup", "adversarial_warmup", "detach_y", "vat_optimizer", "lr_vat", "condition_on_y"}
SETTINGS = OF_Q | OF_D | OF_ALL | OF_Y | {"lr_classifier", "eta"}  # what --set NAME=VALUE can change
AAE = {"prior", "prior_options", "posterior", "input_noise"} | OF_Q | OF_D | OF_ALL | Z_EXTRAS
MODES = {
    "autoencoder": Mode("an autoencoder; nothing says how codes lie", {"input_noise"} | OF_Q | OF_ALL | Z_EXTRAS),
    "vae": Mode(
        "the variational autoencoder: a formula matches q(z|x) to the prior",
        {"prior", "prior_options", "input_noise"} | OF_Q | OF_ALL,
    ),
    "gan": Mode(
        "the generator and discriminator of a GAN, without an encoder",
        {"prior", "prior_options", "input_noise"} | OF_D | OF_ALL,
    ),
    "aae": Mode("codes z whose distribution an adversary matches to a prior", AAE),
    "label-regularized": Mode(
        "the same, where each class has its own mode of the prior",
        AAE | {"labels"},
        None,
        None,
        1,
        label_conditional=True,
    ),
    "supervised": Mode(
        "P is given the label, and z is left with the style",
        AAE | {"condition_on_y"},
        None,
        "classes",
        label_conditional=True,
    ),
    "semi-supervised": Mode(
        "y and z, and a few labels: it classifies",
        AAE | Y_EXTRAS | OF_Y | {"labels", "lr_classifier"},
        "classes",
        "classes",
        1,
    ),
    "clustering": Mode(
        "y and z without a label: y becomes clusters", AAE | Y_EXTRAS | OF_Y | {"clusters"}, "clusters", "clusters"
    ),
    "reduction": Mode(
        "clusters with heads in a plane: codes of few dimensions",
        AAE | Y_EXTRAS | OF_Y | {"labels", "lr_classifier", "clusters", "eta"},
        "either",
        "either",
    ),
}
OPTIONAL = {"prior", "prior_options", "posterior", "input_noise", "labels", "clusters"} | EXTRAS | SETTINGS
