"""Mistakes that are the user's, told in one line.

Whatever a person can get wrong (a file, a flag, a shape) raises `UserError`. Its message says where it
happened, what came, what was expected and, where we can guess it, the likely cause. The command line prints
that line and exits with status 2; nobody is shown a traceback for a mistake of theirs.
"""


class UserError(ValueError):
    """A mistake of the user's; `str(error)` is the one line to show."""


class Diverged(ArithmeticError):
    """The numbers of a run have become NaN or infinite; `str(error)` is the one line to show."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, number `signal`; `status` is what the process should exit with."""

    def __init__(self, signal):
        super().__init__()
        self.status = 128 + signal


def expect_columns(where, x, columns, hint="", name="x"):
    """Raise `UserError` unless `x`, called `name`, is (n, columns); `hint` names the likely cause."""
    if x.ndim != 2 or x.shape[1] != columns:
        raise UserError(f"{where}: {name} is {tuple(x.shape)}, expected (n, {columns}){'; ' + hint if hint else ''}")
