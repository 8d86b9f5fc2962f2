"""Training a model: batches, the loop, and what is kept on disk."""

from .batches import Batches, Permutations
from .loop import schedule, train

__all__ = ["Batches", "Permutations", "schedule", "train"]
