"""The paper's tables, reproduced: `python -m results run NAME --seeds 0-4`, `table`, `check`."""
