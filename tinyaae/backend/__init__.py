"""Arrays: NumPy on a CPU, CuPy on a GPU, and processes that share each batch.

The textbook needs only `Backend` (`base`) and `Context` (`noise`) from this package.
"""

from .base import Backend
from .noise import Context

__all__ = ["Backend", "Context"]
