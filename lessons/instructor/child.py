"""Runs one function of a submission, and nothing else.

This file is a program of its own. It needs the standard library until it is confined, and then NumPy; it knows nothing
about right answers. The grader (sandbox.py) starts it in a fresh interpreter and sends a line of JSON, the job, and
after it the inputs of some cases. What comes back for each case is what the function returned, or what went wrong.

On Linux and macOS there are two processes. The warden (this program) starts the one that runs the submission, waits
for it no longer than the job says, and ends whatever it left behind. The other first gives up all it can: see
`confine`. Windows has only one, and the grader itself watches the time.

Values travel as one line of JSON with their kinds, dtypes and shapes, followed by the numbers of all arrays. There is
no pickle, so reading them runs nothing.
"""

import contextlib
import ctypes
import importlib.util
import json
import linecache
import math
import os
import re
import shutil
import signal
import sys
import time
import traceback

TOO_LATE, NOT_CONFINED, SIGNALLED = 99, 98, 100  # how the warden exits; SIGNALLED + n for the signal n
MOST_LINE = 2**20  # bytes of JSON for one case

# Values as bytes ------------------------------------------------------------------------------------------------------


def pack(head, values):
    """Return the bytes of a dictionary that JSON can hold, and of a list of values."""
    arrays = []
    line = json.dumps({**head, "values": [described(value, arrays) for value in values]})
    return line.encode() + b"\n" + b"".join(array.tobytes() for array in arrays)


def described(value, arrays):
    """Return what JSON needs to say of a value; the arrays in it are appended to `arrays`."""
    import numpy as np

    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [described(part, arrays) for part in value]}
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(np.asarray(value))
        return {type(value).__name__: [arrays[-1].dtype.str, list(arrays[-1].shape)]}
    return {"plain": value}


def unpack(data, start=0):
    """Return the dictionary and the values that `pack` wrote at `data[start]`, and where they end.

    `ValueError` where the bytes are not of that form. Nothing much larger than `data` is made, whatever they say.
    """
    end = data.find(b"\n", start, start + MOST_LINE)
    try:
        head = json.loads(data[start:end].decode()) if end > 0 else None
        reader = Reader(data, end + 1)
        values = [reader.value(spec) for spec in head.pop("values")]
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not what the grader's child writes: {error}") from error
    return head, values, reader.at


class Reader:
    """Restores values from their descriptions and the bytes that follow."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def value(self, spec):
        import numpy as np

        ((kind, content),) = spec.items()
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)([self.value(part) for part in content])
        if kind == "plain":
            return content
        dtype, shape = content
        whole = all(type(n) is int and n >= 0 for n in shape)
        if not (whole and len(shape) <= 32 and re.fullmatch(r"[<>|][biufc]\d{1,2}", dtype)):
            raise ValueError(f"an array of {str(content)[:80]} was announced")
        count, dtype = math.prod(shape), np.dtype(dtype)
        if self.at + count * dtype.itemsize > len(self.data):
            raise ValueError("an array is cut off")
        end = self.at + count * dtype.itemsize
        array = np.frombuffer(bytearray(self.data[self.at : end]), dtype).reshape(shape)
        self.at = end
        return array if kind == "ndarray" else array[()]


# The submission -------------------------------------------------------------------------------------------------------


def run(job, data):
    """Load the lesson, call its function for each case in `data`, and write what it returns to standard output."""
    out = os.dup(1)
    os.dup2(2, 1)  # what the submission prints is kept apart from what it returns

    def say(head, values=()):
        rest = pack(head, values)
        while rest:
            rest = rest[os.write(out, rest) :]

    sys.path[:] = [*sys.path, *job["sys_path"]]
    if os.path.isdir(job["fonts"]):  # Matplotlib's list of fonts takes seconds to make
        shutil.copytree(job["fonts"], os.environ["MPLCONFIGDIR"], copy_function=shutil.copyfile, dirs_exist_ok=True)
    try:
        _, cases, _ = unpack(data)
        lesson = imported(job["file"])
        say({"imported": True})
        function = getattr(lesson, job["function"], None)
        if not callable(function):
            say({"error": f"there is no function {job['function']} in {lesson.__name__}.py; was it renamed?"})
        for inputs in cases if callable(function) else ():
            say(*outcome(function, inputs, job))
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        say({"error": told(error, job["file"]), "unsolved": isinstance(error, NotImplementedError)})
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def imported(file):
    """Return the lesson in a file as a module."""
    spec = importlib.util.spec_from_file_location(os.path.basename(file)[:-3], file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def watched(function, arguments):
    """Return what the function returns, and the first function of the library that it used, or None.

    A submission can get round this. It shall not happen to a student who has not read the rule.
    """
    used = []

    def note(frame, event, _):
        module = str(frame.f_globals.get("__name__"))
        known = used and not used[0].startswith("tinyaae.backend")  # the backend may only wrap what was called
        if event == "call" and not known and module.partition(".")[0] == "tinyaae":
            used[:] = [f"{module}.{frame.f_code.co_name}".removesuffix(".<module>")]

    sys.setprofile(note)
    try:
        came = function(*arguments)
    finally:
        still = sys.getprofile()
        sys.setprofile(None)
    return came, used[0] if used else None if still is note else "sys.setprofile"


def outcome(function, inputs, job):
    """Return what `pack` takes for one case: what was changed in place, what of the library was used, the arrays."""
    import numpy as np

    lent = [x.copy() if isinstance(x, np.ndarray) else x for x in inputs]
    came, used = watched(function, lent)
    if came is None:
        return {"error": "it returned nothing (None); is there a `return`?"}, ()
    several = isinstance(came, tuple) or (isinstance(came, list) and job["several"])
    came = list(came) if several else [came]
    lists = [k + 1 for k, x in enumerate(came) if isinstance(x, (list, tuple))]
    if lists:
        return {"error": f"output {lists[0]} is a list, expected an array of NumPy; np.array(…) makes one of it"}, ()
    arrays = [np.asarray(x) for x in came]
    for k, array in enumerate(arrays):
        if array.dtype.kind not in "biufc":
            kind = type(came[k]).__name__
            return {"error": f"output {k + 1} is no array of numbers but {kind} (dtype {array.dtype})"}, ()
    if sum(array.nbytes for array in arrays) > job["most_bytes"]:
        return {"error": f"it returned shapes {[array.shape for array in arrays]}: far too large"}, ()
    pairs = enumerate(zip(inputs, lent, strict=True))
    changed = [k + 1 for k, (a, b) in pairs if isinstance(a, np.ndarray) and a.tobytes() != b.tobytes()]
    return {"changed": changed[0] if changed else None, "used": used}, arrays


def told(error, file):
    """Return an exception in one line, with the lesson's line that raised it and the shapes of the arrays in it."""
    try:
        name = os.path.basename(file)
        if isinstance(error, SyntaxError) and error.filename == file:
            line = (error.text or "").strip()
            return f"{type(error).__name__}: {error.msg} ({name}, line {error.lineno}: {line})"[:500]
        says = f"{type(error).__name__}: {error}"[:500]
        steps = [step for step in traceback.walk_tb(error.__traceback__) if step[0].f_code.co_filename == file]
        if not steps:
            return says
        frame, number = steps[-1]
        line = linecache.getline(file, number).strip()
        return f"{says} ({name}, line {number}: {line[:200]})" + shapes_in(line, frame.f_locals)[:300]
    except BaseException:  # an exception class of the submission's may do anything when asked for its text
        return "an exception that cannot be shown"


def shapes_in(line, values):
    """Return in words the shapes of the arrays, of those by name, that a line names; "" where there is none."""
    import numpy as np

    names = [name for name in dict.fromkeys(re.findall(r"\w+", line)) if isinstance(values.get(name), np.ndarray)]
    return "; here " + ", ".join(f"{name} is {values[name].shape}" for name in names) if names else ""


# Confinement ----------------------------------------------------------------------------------------------------------

NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC = 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000  # of Linux, sched.h
NOSUID, BIND, RECURSIVE, PRIVATE = 2, 4096, 16384, 1 << 18  # sys/mount.h
READ_ONLY_ATTRIBUTES = (ctypes.c_uint64 * 4)(1 | 2, 0, 0, 0)  # struct mount_attr: set read-only and nosuid
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
NO_NEW_PRIVILEGES, CAPABILITY_VERSION = 38, 0x20080522


def libc(name, *arguments):
    """Call a function of the C library; `OSError` where it fails."""
    encoded = [os.fsencode(x) if isinstance(x, str) else x for x in arguments]
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*encoded) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_namespaces():
    """Leave the network, the other processes and the tree of mounts behind, for the processes started from now on."""
    uid, gid = os.getuid(), os.getgid()
    libc("unshare", NEWNS | NEWPID | NEWNET | NEWIPC | (NEWUSER if uid else 0))
    if uid:  # in a user namespace a normal user may mount; who they are stays the same
        for name, text in (("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"), ("uid_map", f"{uid} {uid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def confine(job):
    """Give up what this process could do beyond computing: files, network, other processes, its user, memory."""
    os.setsid()
    os.umask(0o022)
    if job["namespaces"]:
        new_root(job)
    for name, most in job["limits"].items():
        limit(name, most)
    if job["uid"]:
        os.setgroups([])
        os.setgid(job["uid"])
        os.setuid(job["uid"])
    elif job["namespaces"]:
        header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        libc("capset", header, none)
    if sys.platform == "linux":
        libc("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    os.closerange(3, 256)


def new_root(job):
    """Make a file system that holds Python, its libraries and the submission, all read-only, and a small /tmp."""
    root = job["root"]
    libc("mount", None, "/", None, RECURSIVE | PRIVATE, None)
    libc("mount", "none", root, "tmpfs", NOSUID, "size=32m,mode=755")
    for path in job["visible"]:
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(path):  # /lib is often a link into /usr
            os.symlink(os.readlink(path), target)
            continue
        if os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        else:
            open(target, "x").close()
        libc("mount", path, target, None, BIND | RECURSIVE, None)
        libc("syscall", MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE, READ_ONLY_ATTRIBUTES, 32)
    for path in job["private"]:  # where it is within one of those
        if os.path.isdir(root + path):
            libc("mount", "none", root + path, "tmpfs", NOSUID, "size=0,mode=0")
        elif os.path.exists(root + path):
            libc("mount", "/dev/null", root + path, None, BIND, None)
    os.makedirs(root + "/tmp", exist_ok=True)
    os.chmod(root + "/tmp", 0o1777)
    os.chroot(root)
    os.chdir("/tmp")


def limit(name, most):
    """Set a limit of the system; where there is none of that name, or it is not to be had, the probe tells."""
    import resource

    with contextlib.suppress(AttributeError, ValueError, OSError):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


# The warden -----------------------------------------------------------------------------------------------------------


def guard(job, data):
    """Run the job in a process of its own, end it in time, and all that it started; return how to exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TOO_LATE))  # the grader was interrupted
    try:
        if job["namespaces"]:
            own_namespaces()
        pid = os.fork()
    except OSError as error:
        print(error, file=sys.stderr)
        return NOT_CONFINED
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            confine(job)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(NOT_CONFINED)
        run(job, data)
    status, deadline = None, time.monotonic() + job["seconds"]
    try:
        while status is None and time.monotonic() < deadline:
            ended, how, used = os.wait4(pid, os.WNOHANG)
            status = how if ended else time.sleep(0.01)
    finally:
        end(pid, status is None, job)
    if status is None:
        return TOO_LATE
    if os.WIFSIGNALED(status):
        computed = used.ru_utime + used.ru_stime
        most = job["limits"]["RLIMIT_CPU"] - 0.5  # on a busy machine the two clocks differ by some tenths
        return TOO_LATE if computed > most else SIGNALLED + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def end(pid, alive, job):
    """End the process and what it left behind: in namespaces nothing outlives it, else its user's or its group goes."""
    if alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if job["namespaces"]:
        return
    if not job["uid"]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        return
    sweeper = os.fork()
    if sweeper == 0:
        try:
            sweep(job["uid"])
        finally:
            os._exit(0)
    os.waitpid(sweeper, 0)


def sweep(uid):
    """Become the user of the submission, whom nobody else is, and end that user's processes, one by one.

    Each is looked up and named: a signal to all at once would reach the whole machine if the change of user failed.
    """
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    for _ in range(100):  # one that is being ended may have started another just before
        left = [int(name) for name in os.listdir("/proc") if name.isdigit() and owned(f"/proc/{name}", uid)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def owned(path, uid):
    """Whether a process in /proc belongs to a user, has not ended, and is not this one."""
    try:
        with open(f"{path}/stat", "rb") as file:
            ended = file.read().rpartition(b")")[2].split()[0] in b"ZX"
        return os.stat(path).st_uid == uid and not ended and path != f"/proc/{os.getpid()}"
    except OSError:
        return False


def main():
    job = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    if hasattr(os, "fork"):
        sys.exit(guard(job, data))
    run(job, data)


if __name__ == "__main__":
    main()
