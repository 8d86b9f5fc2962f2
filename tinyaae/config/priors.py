"""The priors by name: which there are, what numbers each has, and how your own file adds one."""

import inspect

from ..errors import UserError
from ..priors import Categorical, Gamma, Gaussian, GaussianMixture, Laplace, Prior, SwissRoll, Uniform

PRIORS = {
    "gaussian": Gaussian,
    "laplace": Laplace,
    "uniform": Uniform,
    "gamma": Gamma,
    "mixture": GaussianMixture,
    "swiss-roll": SwissRoll,
    "categorical": Categorical,
}
BUILT_IN = frozenset(PRIORS)


def prior(name):
    """Return a decorator that adds a `Prior` under `name`, for `--prior` and `Config.of(prior=…)`.

    The class takes the width `d`, `modes` if it has labelled modes, and options that have defaults. `UserError` for
    another class, and for a name of the package's own.
    """

    def register(kind):
        if name in BUILT_IN:
            raise UserError(f"prior {name!r}: the package has a prior of this name; give yours another")
        if not (isinstance(kind, type) and issubclass(kind, Prior)):
            raise UserError(f"prior {name!r}: {kind!r} given, expected a subclass of tinyaae.priors.Prior")
        takes = inspect.signature(kind).parameters
        required = [each for each, how in takes.items() if how.default is how.empty and each not in ("d", "modes")]
        if "d" not in takes or required:
            came = f"{kind.__name__}({', '.join(takes)})"
            raise UserError(f"prior {name!r}: {came} given, expected {kind.__name__}(d), and a default for each option")
        PRIORS[name] = kind
        return kind

    return register


def has_modes(name):
    """Return whether the prior called `name` has modes, to which labels can be given."""
    return name in PRIORS and "modes" in inspect.signature(PRIORS[name]).parameters


def options_of(name):
    """Return the names of the numbers that the prior called `name` has, without its sizes."""
    return set(inspect.signature(PRIORS[name]).parameters) - {"d", "modes"}


def in_a_plane(name):
    """Return whether the prior called `name` has two dimensions."""
    return name in PRIORS and PRIORS[name].planar


def has_slope(name):
    """Return whether ln p(z) of the prior called `name` has a slope everywhere, which the KL of a VAE needs."""
    return name in PRIORS and PRIORS[name].slope is not Prior.slope


def prior_named(name, d, modes=None, **options):
    """Return the prior called `name` over d dimensions, with `modes` and further `options`, e.g. a Gaussian's `std`.

    Raises `UserError` for an unknown prior or option; the message lists the existing ones.
    """
    if name not in PRIORS:
        raise UserError(f"prior: {name!r} is not a prior; expected one of {', '.join(PRIORS)}")
    for option in sorted(options.keys() - options_of(name)):
        raise UserError(f"prior {name}: has no {option}; expected {' or '.join(sorted(options_of(name))) or 'none'}")
    return PRIORS[name](d, **options) if modes is None else PRIORS[name](d, modes, **options)
