"""Capture a step: a GPU records the kernels of a training step once, and from then on replays them.

A training step is a few hundred small kernels, and on a fast GPU launching them takes longer than running them. CUDA
can record them as a graph and launch the graph at once. The graph holds addresses, not values, and a replay runs no
Python. So whatever changes from step to step is kept at a fixed address. The batch is copied into fixed arrays. The
numbers that the host computes (learning rates, step counters) are written into one small table before the replay.

    first call of a step     runs as written, which compiles kernels and warms everything up
    second call              records, then replays
    every later call         host actions, table, batch, replay; no Python of a phase is run

This module does not use CUDA itself. A backend that can record has the methods `record` and `write_words`. The tests
have a backend that records NumPy.
"""

import warnings
from collections.abc import Mapping

import numpy as np

from ..base import Backend

WORDS = 64  # words of 32 bits in the table; 4 phases need 13


class Values(Mapping):
    """The values of a replayed step or their totals, name -> array (); one vector, which is split where one is read."""

    def __init__(self, index, vector):
        self.index, self.vector = index, vector  # name -> position in the vector

    def __getitem__(self, name):
        return self.vector[self.index[name], ...]

    def __iter__(self):
        return iter(self.index)

    def __len__(self):
        return len(self.index)


class Captured:
    """`function(batch) -> {name: value}`; each batch size is recorded at its second call and replayed from then on."""

    def __init__(self, backend, function):
        self.backend, self.function = backend, function
        self.recordings = {}

    def __call__(self, batch):
        sizes = tuple(None if part is None else (part.shape, part.dtype) for part in batch)
        if sizes not in self.recordings:
            self.recordings[sizes] = None
            return self.function(batch)
        if self.recordings[sizes] is None:
            try:
                self.recordings[sizes] = Recording(self.backend, self.function, batch).replay
            except Exception as error:  # no kernel has run yet, so the step can run as written
                came = f"{type(error).__name__}: {error}"
                warnings.warn(f"this step cannot be recorded and runs as written ({came})", stacklevel=2)
                self.recordings[sizes] = self.function
        return self.recordings[sizes](batch)


class Recording:
    """One step as recorded: its kernels, the arrays that they read, and the host's actions before each replay."""

    def __init__(self, backend, function, batch):
        self.backend, self.actions, self.used = backend, [], 0
        self.words = np.zeros(WORDS, np.uint32)  # the table on the host,
        self.table = backend.xp.zeros((WORDS,), dtype=backend.xp.uint32)  # and on the device
        self.inputs = type(batch)(*[None if part is None else backend.xp.zeros_like(part) for part in batch])
        backend.recording = self
        try:
            self.launch, names, self.values = backend.record(self._packed, function)
        finally:
            backend.recording = None
        self.index = {name: k for k, name in enumerate(names)}

    def _packed(self, function):
        """Call `function` with the fixed inputs; return the names and one array of all its values."""
        values = function(self.inputs)
        return list(values), self.backend.pack(list(values.values()))

    def replay(self, batch):
        """Return the values of `function(batch)`, in new arrays."""
        for fixed, part in zip(self.inputs, batch, strict=True):
            if part is not None:
                fixed[...] = part
        for action in self.actions:
            action()
        self.backend.write_words(self.table, self.words[: self.used])
        self.launch()
        return Values(self.index, self.backend.xp.asarray(self.values, copy=True))

    def allocate(self, size, dtype, read):
        """Return `size` numbers of the table as an array on the device; `read()` gives their values before each replay.

        Nothing is read while recording, because no step is taken.
        """
        width = np.dtype(dtype).itemsize // 4
        start = -(-self.used // width) * width  # a float64 must start at an even word
        self.used = start + size * width
        if self.used > WORDS:
            raise RuntimeError(f"replay: more than {WORDS} words change from step to step; raise WORDS")
        mine = self.words[start : self.used].view(dtype)

        def action():
            mine[...] = read()

        self.actions.append(action)
        return self.table[start : self.used].view(dtype)


class CapturingBackend(Backend):
    """Base of backends that can record a step.

    `record(packed, function)` calls `packed(function)` without running anything on the device. It returns a callable
    that runs the recorded kernels, followed by the values that `packed` returned.
    """

    recording = None

    def captured(self, function):
        return Captured(self, function)

    def on_replay(self, action):
        if self.recording is None:
            action()
        else:
            self.recording.actions.append(action)

    def step_scalars(self, size, numbers):
        if self.recording is None:
            return super().step_scalars(size, numbers)
        return self.recording.allocate(size, self.dtype, numbers)

    def counter(self, read):
        return read() if self.recording is None else self.recording.allocate(1, np.uint32, read)

    def array(self, values, dtype=None):
        if self.recording is not None:
            raise RuntimeError("replay: a step sends a host array to the device; make it a backend.constant")
        return super().array(values, dtype)

    def accumulate(self, totals, values):
        if not isinstance(values, Values):
            return super().accumulate(totals, values)
        if not isinstance(totals, Values) or totals.index != values.index:
            if totals.keys() != values.keys():
                return super().accumulate(totals, values)
            totals = Values(values.index, self.pack([totals[name] for name in values]))
        return Values(values.index, totals.vector + values.vector)

    def pack(self, values):
        """Return n arrays of shape () as one array (n,)."""
        return self.xp.stack(values)
