"""Lets the scripts of this folder import what the tests share."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / name) for name in ("support", "integration")]
