"""Errors that a user can cause, each reported in one line.

A wrong file, flag or shape raises `UserError`. Its message has the place, what came and what was expected. It also
names the likely cause, where one is known. The command line prints that line and exits with status 2, without a
traceback.
"""

from operator import index


class UserError(ValueError):
    """An error that the user can correct; `str(error)` is the one line to show."""


class Diverged(ArithmeticError):
    """The numbers of a run have become NaN or infinite; `str(error)` is the one line to show."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, number `signal`; `status` is what the process should exit with."""

    def __init__(self, signal):
        super().__init__()
        self.status = 128 + signal


def whole_number(where, name, number, least):
    """Return `number` as an int; `UserError` unless it is a whole number from `least` up."""
    try:
        if index(number) >= least:
            return index(number)
    except TypeError:
        pass
    raise UserError(f"{where}: {name}={number!r} given, expected a whole number from {least} up")


def expect_columns(where, x, columns, hint="", name="x"):
    """Raise `UserError` unless `x`, called `name`, is (n, columns); `hint` names the likely cause."""
    if x.ndim != 2 or x.shape[1] != columns:
        raise UserError(f"{where}: {name} is {tuple(x.shape)}, expected (n, {columns}){'; ' + hint if hint else ''}")
