"""Ctrl-C and SIGTERM: all ranks finish and save the step; a second signal stops at once."""

import signal
import threading

from ..errors import Interrupted


class Interruption:
    """While open, keep the first Ctrl-C or SIGTERM in `signal` for `agreed`; a second one raises `Interrupted` at once.

    The ranks receive a signal at different moments, or only one receives it. All `obey` once they have agreed on it.
    """

    signal = None

    def __init__(self, communicator):
        self.communicator = communicator

    def __enter__(self):
        self.before = {}
        if threading.current_thread() is threading.main_thread():  # Python accepts handlers from no other
            self.before = {number: signal.signal(number, self.take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def take(self, number, frame):
        if self.signal is not None:
            raise Interrupted(number)
        self.signal = number

    def agreed(self, due=False):
        """Return the signal that any rank has received, or 0, and whether a checkpoint is `due` on any."""
        self.known, due = self.communicator.all_reduce_max(self.signal or 0, int(due))
        return self.known, due

    def obey(self):
        """Raise `Interrupted` if all have `agreed` on a signal."""
        if self.known:
            raise Interrupted(self.known)
