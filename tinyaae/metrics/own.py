"""Tell the values of a phase of your own from those of the package."""

PACKAGE = frozenset({  # what the phases of the package and `diagnostics` call their numbers, and the loop its own
    "epoch", "seconds", "half_squared_error", "cross_entropy", "kl", "head_distance", "latent_noise", "vat",
    "information_maximization", "classification",
    *(f"{kind}_{of}" for kind in "DG" for of in ("gauss", "cat", "image")),
    *(f"D_{of}_accuracy" for of in ("gauss", "cat", "image")),
    "reconstruction_error", "z_mean", "z_std", "y_entropy", "dead_outputs", "validation_error",
    "validation_cluster_error",
})  # fmt: skip


def own_values(row):
    """Return the names in a row of metrics that are from a phase outside the package, in order."""
    return [name for name in row if name not in PACKAGE]
