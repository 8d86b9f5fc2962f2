"""Write files whole or not at all: after a full disk or a power cut, the earlier file is still there."""

import os
from contextlib import contextmanager

from ..errors import UserError


def write_safely(path, write):
    """Call `write(file)` on a file next to `path`, flush it to the disk, then rename it to `path`.

    Whatever fails, `path` keeps its earlier content. Raises `UserError` where the disk is the reason.
    """
    temporary = path.with_name(path.name + ".partial")
    with writing(path):
        try:
            with temporary.open("w+b") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def flush_folder(folder):
    """Flush a folder's list of names to the disk, on POSIX systems, so a power cut does not undo a rename."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def writing(path):
    """Turn a full or failing disk into a `UserError` about `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        hint = "what was saved before is kept; is the disk full? make room, then "
        hint += f"--resume {path.parent}" if (path.parent / "config.json").is_file() else "try again"
        raise UserError(f"{path}: cannot be written ({reason}); {hint}") from error
