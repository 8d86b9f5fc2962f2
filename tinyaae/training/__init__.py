"""Training: batches, the loop over epochs, the run folder, checkpoints, and what is noticed on the way."""

from .loop import Batches, Shuffles, schedule, train

__all__ = ["Batches", "Shuffles", "schedule", "train"]
