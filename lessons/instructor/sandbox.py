"""Runs a submission's functions in a process that can do as little as the system allows.

How much that is depends on who runs the grader, and where. So nothing is taken for granted: before it runs any
submission, a `Sandbox` runs a lesson of its own that tries what it should not do (read the solutions, start a process,
reach the network, signal the grader), and remembers what succeeded. The instructor is told.

Three forms are tried in this order:
1. namespaces (Linux, as root or as a user who may make them): a file system of its own with only Python, its libraries
   and the submission in it, all read-only; no network; no other processes; and as root a user id that nobody else has.
2. as root without namespaces (in most containers): a user id that nobody else has. File permissions are the protection.
3. as a normal user without namespaces: limits on time, memory, file sizes and processes, where the system has them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import tinyaae
from tinyaae.errors import UserError
from tinyaae.surroundings import import_matplotlib

from .child import NOT_CONFINED, SIGNALLED, TOO_LATE, pack, unpack

CHILD, PROBE = Path(__file__).with_name("child.py"), Path(__file__).with_name("probe.py")
ATTEMPTS = {  # of the probe, in its order: what holds where it failed, and what to know where it did not
    "read": ("it cannot read the solutions, the checks and the results", "it can read the solutions or the results"),
    "signal": ("it cannot reach the grader's process", "it can end the grader and other programs of its user"),
    "start": ("it cannot start processes", "it can start processes"),
    "network": ("it has no network", "it has the network"),
    "write": ("it cannot change files of the user who grades", "it can change and delete files of the user who grades"),
    "leave": ("it leaves no files", "it can leave files in folders that are everybody's, such as /tmp"),
    "memory": ("its memory is limited", "its memory is not limited"),
}
SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/nix", "/dev/null", "/dev/zero", "/dev/urandom"]
FORMS = (True, False) if sys.platform == "linux" else (False,)  # with namespaces or without, in the order to try
MOST_BYTES, MOST_PRINTED = 16 * 2**20, 1000  # that are kept of what a child returns, and of what it prints


class Limits(NamedTuple):
    """For one child, that is for one check."""

    seconds: float = 15  # on the wall
    cpu_seconds: int = 10
    memory_mb: int = 512  # address space; a lesson with NumPy and Matplotlib takes 150
    file_mb: int = 16


class Outcome(NamedTuple):
    """What came of running a function on some cases."""

    cases: list  # (head, outputs) of each, up to the first error
    ended: str  # how the program ended where not all cases came
    printed: str
    imported: bool = True  # whether the lesson could be imported


class Sandbox:
    """Runs functions of submissions; a context manager that leaves no files behind.

    `private` are files and folders that a submission must not read: solutions, checks, results, other submissions.
    """

    def __init__(self, private=(), limits=None):
        self.private, self.limits = [str(Path(path).resolve()) for path in private], limits or Limits()

    def __enter__(self):
        self.work = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
        try:
            self.fill()
            self.choose_form()
        except BaseException:
            shutil.rmtree(self.work)
            raise
        return self

    def __exit__(self, *_):
        emptied(self.work)

    def fill(self):
        """Lay out what the child may read: the library without its data, and Matplotlib's list of fonts."""
        for name in ("library", "fonts", "submission", "root"):
            (self.work / name).mkdir()
        unwanted = shutil.ignore_patterns("*.gz", "*.npz", "__pycache__")
        shutil.copytree(Path(tinyaae.__file__).parent, self.work / "library" / "tinyaae", ignore=unwanted)
        for path in fonts():
            shutil.copyfile(path, self.work / "fonts" / path.name)
        for path in (self.work, *self.work.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def choose_form(self):
        """Use the first form in which the probe runs."""
        root = hasattr(os, "getuid") and os.getuid() == 0
        for self.namespaces in FORMS:
            self.uid = unused_uid() if root else None
            facts = self.probe()
            if facts is not None:
                self.holds, self.missing = protections(facts)
                return
        cannot = f"as root, it gives up its privileges, and then cannot read Python in {sys.prefix}" if root else "here"
        raise UserError(
            f"a submission's program cannot be run: {cannot}; "
            f"expected a Python that every user may read, such as /usr/bin/python3 ({self.why[:300]})"
        )

    def probe(self):
        """Return what a submission could do in this form, or None where it does not run."""
        wanted = [os.getpid(), self.limits.memory_mb, *self.private]
        source = PROBE.read_bytes()
        outcome = self.run(source, "probe.py", "attempts", [[json.dumps(wanted)]])
        if not outcome.cases or "error" in outcome.cases[0][0]:
            self.why = f"{outcome.cases or outcome.ended} {outcome.printed}"
            return None
        return dict(zip(ATTEMPTS, outcome.cases[0][1][0].tolist(), strict=True))

    def run(self, source, file_name, function, cases, several=False):
        """Run `function` of the lesson with the text `source` (bytes) on each of the `cases`; return an `Outcome`.

        `several` says that a list of what it returns is several outputs, and not one array.
        """
        lesson = self.work / "submission" / file_name
        lesson.write_bytes(source)
        lesson.chmod(0o644)
        scratch = Path(tempfile.mkdtemp(dir=self.work))
        if self.uid and not self.namespaces:
            os.chown(scratch, self.uid, self.uid)
        try:
            with tempfile.TemporaryFile() as given:
                given.write(json.dumps(self.job(lesson, function, several)).encode() + b"\n" + pack({}, cases))
                given.seek(0)
                return self.outcome(given, scratch, len(cases))
        finally:
            lesson.unlink()
            emptied(scratch)

    def job(self, lesson, function, several):
        """Return what the child is to do, as JSON can hold it."""
        limits, folders, visible, mb = self.limits, site_folders(), [], 2**20
        own = [str(self.work / name) for name in ("library", "fonts", "submission")]
        for path in (*SYSTEM, sys.base_prefix, *folders, *own) if self.namespaces else ():
            if os.path.exists(path) and not any(within(path, other) for other in visible):
                visible.append(path)
        return {
            "file": str(lesson),
            "function": function,
            "several": several,
            "sys_path": [str(self.work / "library"), *folders],
            "fonts": str(self.work / "fonts"),
            "seconds": limits.seconds,
            "most_bytes": MOST_BYTES // 2,
            "limits": {
                "RLIMIT_AS": limits.memory_mb * mb,
                "RLIMIT_CPU": limits.cpu_seconds,
                "RLIMIT_FSIZE": limits.file_mb * mb,
                "RLIMIT_NPROC": 0,  # no other process, and no thread: an exercise needs neither
                "RLIMIT_NOFILE": 64,
                "RLIMIT_CORE": 0,
            },
            "namespaces": self.namespaces,
            "uid": self.uid,
            "root": str(self.work / "root"),
            "visible": visible,
            "private": [path for path in self.private if any(within(path, other) for other in visible)],
        }

    def outcome(self, given, scratch, count):
        """Start the child with the job in the file `given`, and read what it says."""
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-u", "-X", "utf8", str(CHILD)],
            stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=scratch, start_new_session=True,
            env=environment("/tmp" if self.namespaces else str(scratch)),
        )  # fmt: skip
        returned, printed = Kept(process.stdout, MOST_BYTES), Kept(process.stderr, MOST_PRINTED)
        warden = os.name == "posix"
        try:
            code = process.wait(self.limits.seconds + (5 if warden else 0))
        except subprocess.TimeoutExpired:
            code = TOO_LATE
        finally:
            if process.poll() is None:  # the warden takes its process with it
                process.terminate()
                try:
                    process.wait(2)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        cases, start, imported = [], 0, False
        data = returned.bytes()
        try:
            while len(cases) < count and start < len(data):
                head, outputs, start = unpack(data, start)
                if head.get("imported"):
                    imported = True
                else:
                    cases.append((head, outputs))
        except ValueError:
            pass  # what is missing is told by how the program ended
        said = printed.bytes().decode("utf-8", "replace").replace(str(self.work / "submission") + os.sep, "")
        return Outcome(cases, ending(code, self.limits), said, imported)


class Kept:
    """Reads a pipe to its end in a thread, and keeps the first bytes of it."""

    def __init__(self, pipe, most):
        self.pipe, self.most, self.kept = pipe, most, bytearray()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while part := self.pipe.read1(65536):
            self.kept += part[: self.most - len(self.kept)]
        self.pipe.close()

    def bytes(self):
        """Return what was kept. A process that survived may hold the pipe open: it is not waited for."""
        self.thread.join(1)
        return bytes(self.kept)


def ending(code, limits):
    """Return in words how a child ended that did not give all outcomes."""
    if code == TOO_LATE:
        seconds = f"{limits.cpu_seconds} s of computing or {limits.seconds:g} s in all"
        return f"it took longer than {seconds}; is there a loop that does not end?"
    if code == NOT_CONFINED:
        return "it could not be run"
    if code > SIGNALLED:
        return f"the program was ended by the system (signal {code - SIGNALLED}); did it use too much memory or time?"
    return f"the program ended by itself (exit status {code}) before the function returned"


def environment(scratch):
    """Return the child's environment variables: nothing of the grader's own."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    own = {name: "1" for name in (*threads, "LESSONS_SHORT")}
    own |= {"MPLBACKEND": "Agg", "MPLCONFIGDIR": os.path.join(scratch, "matplotlib"), "PATH": "/usr/bin:/bin"}
    own |= {name: scratch for name in ("TMPDIR", "TEMP", "TMP")}
    return own | {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows needs it


def site_folders():
    """Return the folders that hold the libraries a lesson may import."""
    found = [find_spec(name) for name in ("numpy", "matplotlib", "tqdm")]
    return list(dict.fromkeys(str(Path(spec.origin).resolve().parents[1]) for spec in found if spec))


def fonts():
    """Return the paths of Matplotlib's lists of fonts, which it makes where there are none."""
    if not find_spec("matplotlib"):
        return []
    try:
        import_matplotlib()
        import matplotlib

        folder = Path(matplotlib.get_cachedir())
        if not any(folder.glob("fontlist-*.json")):
            import matplotlib.font_manager  # which writes one
    except (UserError, OSError):  # the child then makes a list of its own, if the lesson draws at all
        return []
    return list(folder.glob("fontlist-*.json"))


def within(path, folder):
    """Whether a path is a folder or something in it."""
    return os.path.commonpath([path, folder]) == folder


def unused_uid():
    """Return a user id that has no name and no process."""
    import pwd

    taken = {entry.pw_uid for entry in pwd.getpwall()}
    if os.path.isdir("/proc"):
        taken |= {path.stat().st_uid for path in Path("/proc").glob("[0-9]*") if path.exists()}
    return random.choice(sorted(set(range(61200, 64900)) - taken))


def protections(facts):
    """Return what holds and what is missing, as two lists of sentences about a submission."""
    holds = ["its time is limited", *(good for (name, (good, _)) in ATTEMPTS.items() if not facts[name])]
    return holds, [bad for (name, (_, bad)) in ATTEMPTS.items() if facts[name]]


def emptied(folder):
    """Delete a folder, whatever permissions a submission gave to what is in it."""
    os.chmod(folder, 0o700)
    for inner, names, _ in os.walk(folder):
        for path in (os.path.join(inner, name) for name in names):
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
