"""Every mode with every encoder and every prior: each trains, or says in one line why it makes no sense."""

import itertools

import numpy as np
import pytest
from tiny import assembled, refusal, takes, tiny_config

from tinyaae.config.fields import POSTERIORS, priors_of_z
from tinyaae.config.modes import MODES
from tinyaae.config.priors import has_slope, in_a_plane

ALL = list(itertools.product(MODES, POSTERIORS, priors_of_z()))
REFUSED = {  # a part of the line that says why
    "posterior": "--posterior: mode {mode} has no use for it",
    "prior": "--prior: mode {mode} has no use for it",
    "label-regularized": "has no modes to give labels to",
    "vae": "the KL of a VAE needs the slope of ln p(z)",
}


def makes_sense(mode, posterior, prior):
    """Return None, or the key in `REFUSED` of the reason why not: the table of the README, said again."""
    if posterior != "deterministic" and mode in ("autoencoder", "vae", "gan"):
        return "posterior"  # nothing holds the noise in check, it is Gaussian by definition, there is no encoder
    if prior != "gaussian" and mode == "autoencoder":
        return "prior"
    if mode == "label-regularized" and not in_a_plane(prior):
        return mode
    if mode == "vae" and not has_slope(prior):
        return mode
    return None


def flags_of(mode, posterior, prior):
    """Return the flags a user would give: what is already so is left out."""
    flags = {"posterior": posterior, "prior": prior}
    plain = {"posterior": "deterministic", "prior": "gaussian"}
    return {name: value for name, value in flags.items() if takes(mode, name) or value != plain[name]}


@pytest.mark.parametrize("mode, posterior, prior", ALL)
def test_each_combination_trains_or_is_refused_in_one_line(mode, posterior, prior):
    flags = flags_of(mode, posterior, prior)
    reason = makes_sense(mode, posterior, prior)
    if reason:
        assert REFUSED[reason].format(mode=mode) in refusal(tiny_config, mode, **flags)
        return
    config = tiny_config(mode, **flags)
    assert (config.prior, config.z == 2 or not in_a_plane(prior)) == (prior, True)
    model, batches = assembled(config)
    before = {name: network.flat.copy() for name, network in model.networks.items()}
    values = model.step(next(batches.epoch(0)))
    assert {name: np.isfinite(float(value)) for name, value in values.items()} == dict.fromkeys(values, True)
    assert all(np.any(network.flat != before[name]) for name, network in model.networks.items())
    assert np.all(np.isfinite(model.sample(5)))
    if mode != "gan":
        assert np.all(np.isfinite(model.sample_posterior(batches.validation[0]).z))


@pytest.mark.parametrize("mode", [mode for mode in MODES if takes(mode, "prior")])
@pytest.mark.parametrize("prior", ["mixture", "swiss-roll"])
def test_a_prior_in_a_plane_refuses_a_z_of_other_dimensions(mode, prior):
    if makes_sense(mode, "deterministic", prior):
        pytest.skip("refused anyhow")
    assert "2 dimensions, not 3" in refusal(lambda: assembled(tiny_config(mode, prior=prior, z=3)))
