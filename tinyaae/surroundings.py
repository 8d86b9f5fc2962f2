"""Surroundings: the streams, processors, home folder and Matplotlib that a process finds, whatever they are.

Printing is never the reason why a run fails, and what is optional never stops what does not need it. This file imports
the standard library and `errors` alone, so that it can be imported before NumPy.
"""

import logging
import os
import signal
import sys
from contextlib import suppress

from .errors import UserError

CLOSED_PIPE = 128 + 13  # the exit status of a program that SIGPIPE, signal 13, ended
THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"

# Streams -------------------------------------------------------------------------------------------------------------


class Stream:
    """Standard output or standard error, to which a `print` does not fail; `lost` is the error after which it is mute.

    A full disk and a closed descriptor make it mute. A closed pipe stops the program, too, in the way that SIGTERM
    does: where training handles SIGTERM, the step is finished and saved first.
    """

    def __init__(self, stream):
        self._stream, self.lost = stream, None
        with suppress(AttributeError, ValueError):  # a stream that somebody else has put there
            stream.reconfigure(errors="replace", line_buffering=True)

    def write(self, text):
        """Write `text`, with "?" for each letter that the encoding lacks; return its length."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self):
        """Write what is waiting."""
        self._try(self._stream.flush)

    def _try(self, action):
        if self.lost:
            return
        try:
            action()
        except (OSError, ValueError) as error:  # ValueError: somebody has closed it
            self.lost = error
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())  # Python flushes what is left of it at its end
                os.close(null)
            if isinstance(error, BrokenPipeError):
                handler = signal.getsignal(signal.SIGTERM)
                if not callable(handler):
                    raise
                handler(CLOSED_PIPE - 128, None)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def run_program(entry):
    """Return the exit status of `entry()`, as the one job of this process, whatever its streams are.

    Where a pipe was closed the status is 141, without a word. Where standard output was full, a line says so.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # it is closed, and the next file to be opened would take its number
            os.open(os.devnull, os.O_RDWR)
    streams = sys.stdout, sys.stderr
    out, err = (Stream(stream or open(os.devnull, "w", encoding="utf-8")) for stream in streams)  # noqa: SIM115
    sys.stdout, sys.stderr = out, err
    try:
        status = ended(entry)
        out.flush()
        err.flush()
    except KeyboardInterrupt as stop:  # also what a closed pipe raises
        status = getattr(stop, "status", 130)
    finally:
        sys.stdout, sys.stderr = streams
    if any(isinstance(stream.lost, BrokenPipeError) for stream in (out, err)):
        return CLOSED_PIPE
    if out.lost:
        print(f"standard output: {lost_in_words(out)}", file=err)
    return status


def ended(entry):
    """Return the exit status of `entry()`; 2 where `entry` was to print and leave, as for --help, and could not."""
    try:
        return entry()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
            return 1
        return stop.code or (2 if getattr(sys.stdout, "lost", None) else 0)
    except BrokenPipeError:
        if isinstance(getattr(sys.stdout, "lost", None) or getattr(sys.stderr, "lost", None), BrokenPipeError):
            return CLOSED_PIPE
        raise


def expect_printed():
    """Leave with status 2 where standard output could not be written, after work whose only result is its text."""
    if getattr(sys.stdout, "lost", None):
        sys.exit(2)


def lost_in_words(stream):
    """Return why a stream is mute, and that its text is lost."""
    reason = getattr(stream.lost, "strerror", None) or stream.lost
    return f"cannot be written ({reason}); what was to be printed after that is lost"


# Processors ----------------------------------------------------------------------------------------------------------


def usable_cpus():
    """Return the number of processors that this process may use: those it is bound to, or fewer by a quota."""
    return min(bound_cpus(), cpu_quota() or bound_cpus())


def bound_cpus():
    """Return the number of processors that this process is bound to."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_quota(root="/sys/fs/cgroup", own="/proc/self/cgroup"):
    """Return how many processors the control groups of this process allow, rounded up; None without such a quota.

    A container has a quota (`docker run --cpus=1`), of which the affinity of a process does not know. Version 2 of the
    control groups keeps "quota period" in cpu.max, version 1 keeps two files. Every group above counts, too.
    """
    folders = [root, f"{root}/cpu"]  # inside a container its own group is the root
    for line in read_text(own).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        tops = [f"{root}/{controllers}", f"{root}/cpu"] if controllers else [root, f"{root}/unified"]
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += ["/".join([top, *parts[:k]]) for top in tops for k in range(len(parts) + 1)]
    found = []
    for folder in dict.fromkeys(folders):
        one = read_text(f"{folder}/cpu.max").split()
        two = [*read_text(f"{folder}/cpu.cfs_quota_us").split(), *read_text(f"{folder}/cpu.cfs_period_us").split()]
        for numbers in (one, two):
            if len(numbers) == 2 and all(number.isdigit() and int(number) for number in numbers):
                found.append(max(1, -(-int(numbers[0]) // int(numbers[1]))))
    return min(found, default=None)


def read_text(path):
    """Return the text of a small file of the system, or nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def threads_by_quota():
    """Return the quota where it is less than the affinity and no variable in `THREADS` is set, else None."""
    quota, set_already = cpu_quota(), any(name in os.environ for name in THREADS)
    return quota if quota and quota < bound_cpus() and not set_already else None


def times_displaced():
    """Return how often another process has taken a processor from this one; 0 where the system does not count it."""
    try:
        import resource  # Windows has none
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


# Folders and Matplotlib ----------------------------------------------------------------------------------------------


def expanded(path):
    """Return a path, a text, with ~ replaced by the home folder; `UserError` for an empty path or an unknown home.

    A shell replaces it in `--out ~/x`, and not in `--out=~/x`.
    """
    text = os.fspath(path)
    if not text:
        raise UserError("an empty path given, expected the name of a file or a folder; is a variable not set?")
    found = os.path.expanduser(text)
    if found.startswith("~") and not os.path.exists(found):
        raise UserError(f"{text}: no such home folder is known; write the path without ~, or ./{text} if it is a name")
    return found


def with_home(args, names):
    """Return parsed arguments with ~ expanded in those of them that are paths."""
    for name in names:
        if getattr(args, name, None):
            setattr(args, name, expanded(getattr(args, name)))
    return args


def import_matplotlib():
    """Import Matplotlib, which only draws into files here; `UserError` where it cannot be loaded.

    So MPLBACKEND, perhaps inherited from a notebook, need not name a backend that is installed. Where it does, it holds
    for whatever else in this process uses Matplotlib.
    """
    if "matplotlib" in sys.modules:
        return
    wanted = os.environ.pop("MPLBACKEND", None)
    logger = logging.getLogger("matplotlib")
    logger.disabled = True  # it logs that it uses a temporary folder, too
    try:
        import matplotlib
    except Exception as error:  # an OSError where it finds no folder for its cache; a RuntimeError without a home
        hint = "set MPLCONFIGDIR to a folder that can be written"
        if isinstance(error, ImportError):
            hint = "pip install matplotlib"
        came = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"Matplotlib cannot be loaded ({came}); {hint}") from error
    finally:
        logger.disabled = False
        if wanted is not None:
            os.environ["MPLBACKEND"] = wanted
    if wanted:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = wanted
