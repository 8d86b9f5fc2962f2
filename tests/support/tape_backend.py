"""A stand-in for a GPU that records: NumPy whose every operation can be written on a tape and run again from it.

It is as strict as a CUDA graph. While it records, nothing that it computes is left behind: what was written is put
back, and new arrays are filled with nonsense. CapturingBackend runs no Python except NumPy's own functions, on the same
memory; and reading the value of an array while it records raises `ValueRead`.
"""

import numpy as np

from tinyaae.backend.cuda.graph import CapturingBackend
from tinyaae.backend.numpy import NumpyBackend


class ValueRead(Exception):
    """The value of an array was read while recording: on a GPU that would wait for the device, or fail."""


class TapeArray(np.ndarray):
    """An array whose operators go through `on_tape`."""

    tape = None  # the backend that records, while it does

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **named):
        assert method == "__call__", f"np.{ufunc.__name__}.{method} is no portable array code"
        if out is not None:
            return on_tape(ufunc, *inputs, written=out, out=out[0], kind=type(self), **named)
        return on_tape(ufunc, *inputs, kind=type(self), **named)

    def __setitem__(self, key, value):
        target = as_ndarray(self)[key]
        if isinstance(value, np.ndarray) and as_ndarray(value).ctypes.data == target.ctypes.data:
            return  # what is left of x[key] += …, which has been done
        on_tape(np.copyto, target, value, written=(target,))

    def __getitem__(self, key):
        view = super().__getitem__(key)
        if isinstance(view, np.generic):
            self._look()  # NumPy copies the number out
        assert not isinstance(view, np.ndarray) or np.shares_memory(view, self) or not view.size, "integer-array index"
        return view

    def _look(self, *_):
        if TapeArray.tape is not None:
            raise ValueRead
        return as_ndarray(self)

    def __float__(self):
        return float(self._look())

    def __int__(self):
        return int(self._look())

    def __bool__(self):
        return bool(self._look())

    def item(self, *place):
        return self._look().item(*place)

    def tolist(self):
        return self._look().tolist()


def as_ndarray(x):
    """Return the plain array, list or tuple in the same memory."""
    if isinstance(x, (list, tuple)):
        return type(x)(as_ndarray(part) for part in x)
    return x.view(np.ndarray) if isinstance(x, TapeArray) else x


def on_tape(function, *arguments, written=(), kind=TapeArray, **named):
    """Call `function` on plain arrays, return arrays of `kind`, and write it all on the tape where one is running."""
    arguments, written = as_ndarray(arguments), as_ndarray(written)
    named = {name: as_ndarray(value) for name, value in named.items()}
    tape = TapeArray.tape
    if tape is not None:
        for array in written:
            tape.remember(array)
    result = function(*arguments, **named)
    if written:
        result = named.get("out")
    elif isinstance(result, (np.ndarray, np.generic)):
        result = np.asarray(result)
        if not result.flags.writeable:
            result = result.copy()
    if tape is not None:
        tape.steps.append((function, arguments, named, None if written else result))
    return result.view(kind) if isinstance(result, np.ndarray) else result


class TapedFunctions:
    """NumPy's functions, through `on_tape`."""

    def __init__(self, kind):
        self.kind = kind

    def __getattr__(self, name):
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *arguments, **named: on_tape(found, *arguments, kind=self.kind, **named)


class Tape:
    """What has been recorded, and what the memory held before."""

    def __init__(self):
        self.steps, self.before = [], {}

    def remember(self, array):
        while isinstance(array.base, np.ndarray):
            array = array.base
        self.before.setdefault(id(array), (array, array.copy()))

    def forget_all(self):
        """Make it as if nothing had been computed."""
        for *_, result in self.steps:
            if isinstance(result, np.ndarray) and result.base is None:
                result[...] = 113 if result.dtype.kind in "biu" else np.nan
        for array, content in self.before.values():
            array[...] = content

    def play(self):
        for function, arguments, named, result in self.steps:
            again = function(*arguments, **named)
            if result is not None:
                np.copyto(result, again)


class TapeBackend(CapturingBackend, NumpyBackend):
    """NumPy on one thread, and a step that is recorded and captured."""

    name = "tape"

    def __init__(self, dtype="float32"):
        super().__init__(dtype, threads=1)
        self.xp = TapedFunctions(TapeArray)
        self.plain = NumpyBackend(dtype, threads=1)
        self.recorded = 0

    def array(self, values, dtype=None):
        return super().array(values, dtype).view(TapeArray)

    def store(self, images):
        return self.plain.store(images).view(TapeArray)

    def to_numpy(self, x):
        return as_ndarray(x)

    def rows(self, images, index):
        return on_tape(self.plain.rows, images, index)

    def normal(self, place, shape):
        return self._noise(self.plain.normal, place, shape)

    def uniform(self, place, shape):
        return self._noise(self.plain.uniform, place, shape)

    def _noise(self, draw, place, shape):
        return on_tape(lambda *place: draw([int(np.sum(number)) for number in place], shape), *place)

    def adam(self, w, dw, mean, square, rate, beta1, beta2):
        on_tape(self.plain.adam, w, dw, mean, square, rate, beta1, beta2, written=(w, mean, square))

    def momentum(self, w, dw, velocity, rate, decay):
        on_tape(self.plain.momentum, w, dw, velocity, rate, decay, written=(w, velocity))

    def record(self, packed, function):
        tape = TapeArray.tape = Tape()
        try:
            with np.errstate(all="ignore"):  # the numbers are nonsense, as they may be
                names, values = packed(function)
        finally:
            TapeArray.tape = None
            tape.forget_all()
        self.recorded += 1
        return tape.play, names, values

    def write_words(self, table, words):
        as_ndarray(table)[: words.size] = words
