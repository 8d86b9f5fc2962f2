"""Where the arrays live: NumPy on a CPU, CuPy on a GPU, and processes that share each batch.

The textbook needs `Backend` (`base`) and `Context` (`noise`) from here, and nothing else.
"""

from .base import Backend
from .noise import Context

__all__ = ["Backend", "Context"]
