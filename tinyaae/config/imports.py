"""Python files of your own, named by `--import`: each is run before anything else, and registers modes and priors.

A config.json holds names and numbers. No code is ever imported because a config.json names it.
"""

import sys
import traceback
from pathlib import Path
from types import ModuleType

from ..errors import UserError

IMPORTED = {}  # the full path of a file that was run -> its path as the user wrote it


def import_file(path):
    """Run the Python file at `path` once; `UserError` in one line, with the number of the line, where it fails."""
    try:
        file = Path(path).expanduser().resolve()
        source = file.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: a zero in the name; RuntimeError: ~nobody
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--import: {path!r} cannot be read ({reason}), expected a Python file") from error
    if str(file) in IMPORTED:
        return
    name = file.stem if file.stem not in sys.modules else f"{file.stem} of {file.parent}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__, IMPORTED[str(file)] = str(file), str(path)
    sys.path.append(str(file.parent))  # so that it can import its neighbours
    try:
        exec(compile(source, str(file), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        words = in_own_file(error) or f"{path}: {error}"
        del sys.modules[name], IMPORTED[str(file)]
        raise UserError(f"--import {words}") from error


def in_own_file(error):
    """Return "FILE, line N: what is wrong" where `error` arose in a file that was imported here, else None."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{IMPORTED.get(error.filename, error.filename)}, line {error.lineno}: SyntaxError: {error.msg}"
    own = [(IMPORTED[file], line) for file, line in places if file in IMPORTED]
    if not own:
        return None
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return " ".join(f"{own[-1][0]}, line {own[-1][1]}: {kind}{error}".split())
