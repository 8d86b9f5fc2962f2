"""Training a model: batches, the loop, and what is kept on disk."""

from . import export  # enters Model.export
from .batches import Batches, Permutations
from .loop import schedule, train

__all__ = ["Batches", "Permutations", "export", "schedule", "train"]
