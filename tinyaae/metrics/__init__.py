"""How good a trained model is, and whether y decides what is painted."""

from .evaluation import evaluate

__all__ = ["evaluate"]
