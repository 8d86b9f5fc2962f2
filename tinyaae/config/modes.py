"""The modes: the recipe of each, and what it has. Which flags a mode takes follows from what it has (`fields.py`)."""

from collections.abc import Callable
from typing import NamedTuple

from .. import recipes
from ..errors import UserError


class Mode(NamedTuple):
    """A recipe, a line about it, and what it `has`: Q, D, a prior, a y of Q's, labels, clusters, cluster heads."""

    recipe: Callable  # Builder -> networks, phases
    about: str
    has: frozenset
    q_y: str | None = None  # where the width of Q's y is from: "classes", "clusters", or "either": by --labels
    p_y: str | None = None  # and the width of the y that P reads
    least_labels: int = 0
    label_to: str | None = None  # what reads the label of each image of the batch: "P" or "prior", which has modes
    smooth_prior: bool = False  # whether ln p(z) must have a slope everywhere
    like: str | None = None  # the mode whose default numbers it takes


AE, AAE = frozenset({"Q"}), frozenset({"Q", "D", "prior"})
MODES = {
    "autoencoder": Mode(recipes.autoencoder, "an autoencoder; its codes follow no prior", AE),
    "vae": Mode(
        recipes.vae, "the variational autoencoder: a formula matches q(z|x) to the prior", AE | {"prior"},
        smooth_prior=True,
    ),
    "gan": Mode(
        recipes.gan, "the generator and discriminator of a GAN, without an encoder", frozenset({"D", "prior"})
    ),
    "aae": Mode(recipes.aae, "codes z whose distribution an adversary matches to a prior", AAE),
    "label-regularized": Mode(
        recipes.label_regularized, "the same, where each class has its own mode of the prior", AAE | {"labels"},
        least_labels=1, label_to="prior",
    ),
    "supervised": Mode(
        recipes.supervised, "P is given the label, and z is left with the style", AAE, p_y="classes", label_to="P"
    ),
    "semi-supervised": Mode(
        recipes.semi_supervised, "y and z, and a few labels: it classifies", AAE | {"y", "labels"}, "classes",
        "classes", least_labels=1,
    ),
    "clustering": Mode(
        recipes.clustering, "y and z without a label: y becomes clusters", AAE | {"y", "clusters"}, "clusters",
        "clusters",
    ),
    "reduction": Mode(
        recipes.reduction, "clusters with heads in a plane: codes of few dimensions",
        AAE | {"y", "labels", "clusters", "heads"}, "either", "either",
    ),
}  # fmt: skip
BUILT_IN = frozenset(MODES)


def mode(name, like):
    """Return a decorator that adds a recipe as mode `name`, with what the mode `like` has and its default numbers.

    The recipe takes a `Builder` and returns a list of networks and a list of phases. Its docstring begins with the line
    that `--help` shows. `UserError` where `like` is no mode, and for a name of the package's own.
    """
    if name in BUILT_IN:
        raise UserError(f"mode {name!r}: the package has a mode of this name; give yours another")
    if like not in MODES:
        raise UserError(f"mode {name!r}: like {like!r} given, expected one of {', '.join(MODES)}")

    def register(recipe):
        about = (recipe.__doc__ or name).strip().splitlines()[0]
        MODES[name] = MODES[like]._replace(recipe=recipe, about=about, like=MODES[like].like or like)
        return recipe

    return register
