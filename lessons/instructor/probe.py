"""Tries what a submission must not do, in the place of one; see sandbox.py. The grader never imports this file."""

import json
import os
import socket
import sys

import numpy as np


def attempts(wanted):
    """JSON of [the grader's process, MB of memory, paths it hides] -> what succeeded, in the order of `ATTEMPTS`."""
    grader, memory_mb, *private = json.loads(wanted)
    readable = any(read(path) for path in private)
    return np.array([readable, signal(grader), start(), network(), write(), leave(), unlimited(memory_mb)])


def read(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path, "rb").read(1))
    except OSError:
        return False


def signal(grader):
    if sys.platform == "win32":  # where this call would interrupt it
        return True
    try:
        os.kill(grader, 0)
        return grader != os.getpid()  # in a namespace of its own it may have the grader's number
    except OSError:
        return False


def start():
    try:
        if os.fork() == 0:
            os._exit(0)
        return True
    except AttributeError:  # Windows
        return True
    except OSError:
        return False


def network():
    return any(name != "lo" for _, name in socket.if_nameindex())


def write():
    return os.access(os.path.dirname(os.path.abspath(__file__)), os.W_OK)


def leave():
    folders = ("/tmp", "/var/tmp", "/dev/shm")
    return sys.platform == "win32" or any(os.access(path, os.W_OK) for path in folders if path != os.getcwd())


def unlimited(memory_mb):
    try:
        import resource
    except ImportError:  # Windows
        return True
    return not 0 < resource.getrlimit(resource.RLIMIT_AS)[0] <= memory_mb * 2**20
