"""Training: batches, the loop over epochs, the run folder, checkpoints, and what is noticed on the way."""

from .loop import Batches, Permutations, schedule, train

__all__ = ["Batches", "Permutations", "schedule", "train"]
