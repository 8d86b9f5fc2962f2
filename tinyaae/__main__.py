"""`python -m tinyaae` is the installed command `tinyaae`."""

import sys

from .cli import start_program, verbs

if __name__ == "__main__":
    sys.exit(start_program(verbs))
