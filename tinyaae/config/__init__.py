"""The numbers of a run: each described once, the presets, and how they are written on the command line."""

from .config import Config

__all__ = ["Config"]
