"""Backends: choosing one, making arrays, noise that can be repeated, and code that CuPy and the standard both know."""

import ast
import inspect
import sys
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import fake_cupy
import numpy as np
import pytest
from helpers import host

import tinyaae
from tinyaae.backend import Backend, Context
from tinyaae.backend.numpy import NumpyBackend, cores
from tinyaae.errors import UserError

# Choosing --------------------------------------------------------------------------------------------------------


def cupy_with_devices(devices, driver=0, needed=12090):
    """Return a stand-in for CuPy on a machine where asking for the number of GPUs gives or raises `devices`.

    `driver` is the version of CUDA that the driver is for, 0 where there is none; CuPy is built for `needed`.
    """

    class CUDARuntimeError(RuntimeError):
        pass

    def count():
        if isinstance(devices, str):
            raise CUDARuntimeError(devices)
        return devices

    runtime = SimpleNamespace(
        getDeviceCount=count, CUDARuntimeError=CUDARuntimeError, driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: needed,
    )  # fmt: skip
    cuda = SimpleNamespace(runtime=runtime)
    return SimpleNamespace(cuda=cuda, float32=np.float32, float64=np.float64, __version__="14.2.0")


CUPY_TROUBLES = {
    "not installed": (None, "CuPy is not installed"),
    "no driver": (
        cupy_with_devices("cudaErrorInsufficientDriver: too old\nsecond line"),
        "cudaErrorInsufficientDriver: too old); is the driver installed?",
    ),
    "driver of CUDA 12": (
        cupy_with_devices("too old", 12040, 13000),
        "the driver is for CUDA 12, this CuPy for CUDA 13; pip uninstall cupy-cuda13x, then pip install -e '.[cuda12]'",
    ),
    "driver of CUDA 11": (
        cupy_with_devices("too old", 11040),
        "the driver is for CUDA 11, this CuPy for CUDA 12; update the driver",
    ),
    "hidden gpu": (cupy_with_devices("cudaErrorNoDevice", 13000), "(cudaErrorNoDevice); does nvidia-smi list one?"),
    "no gpu": (cupy_with_devices(0), "no NVIDIA GPU"),
    "too old": (SimpleNamespace(__version__="13.6.0"), "CuPy 13.6.0 is here, expected 14 or later"),
    "no libraries": (cupy_with_devices(1), "are CUDA's libraries here?"),
}
each_trouble = pytest.mark.parametrize("cupy, cause", CUPY_TROUBLES.values(), ids=CUPY_TROUBLES)


@each_trouble
def test_cupy_that_cannot_be_used_is_refused_in_one_line(monkeypatch, cupy, cause):
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # None makes the import fail
    with pytest.raises(UserError) as error:
        Backend.named("cupy")
    assert cause in str(error.value) and "\n" not in str(error.value)


@each_trouble
def test_auto_falls_back_to_numpy_and_says_why(monkeypatch, cupy, cause):
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    notices = []
    backend = Backend.named("auto", "float64", notices.append)
    assert (backend.name, backend.zeros((1,)).dtype) == ("numpy", "float64")
    assert len(notices) == 1 and cause in notices[0] and "\n" not in notices[0]


def test_auto_takes_cupy_where_it_works(monkeypatch):
    if fake_cupy.COMPILER is None:
        pytest.skip("g++ is not installed")
    fake_cupy.install(monkeypatch)
    assert Backend.named("auto", notice=pytest.fail).name == "cupy"


def test_a_cupy_that_cannot_be_imported_is_told_by_its_last_line(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('a long story\\nlibcudart.so.12 is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    with pytest.raises(UserError) as error:
        Backend.named("cupy")
    assert str(error.value).startswith("backend cupy: CuPy cannot be imported (libcudart.so.12 is missing)")


def test_more_than_eight_arrays_are_joined_on_a_gpu_as_on_a_cpu(monkeypatch):
    if fake_cupy.COMPILER is None:
        pytest.skip("g++ is not installed")
    xp = fake_cupy.backend_without_gpu(monkeypatch, "float64").xp
    for n in (3, 8, 9, 19, 80):
        arrays = [np.full((2, 3), k, float) for k in range(n)]
        on_device = [xp.asarray(array) for array in arrays]
        for axis in (0, 1):
            np.testing.assert_array_equal(xp.asnumpy(xp.stack(on_device, axis=axis)), np.stack(arrays, axis=axis))
            np.testing.assert_array_equal(xp.asnumpy(xp.concat(on_device, axis=axis)), np.concat(arrays, axis=axis))


def test_an_unknown_name_is_refused_in_one_line():
    with pytest.raises(UserError) as error:
        Backend.named("torch")
    assert str(error.value) == "--backend: 'torch' is not a backend; expected numpy, numpy-fast, cupy or auto"


@pytest.mark.parametrize("value, expected", [("1", 1), ("many", None), ("100000", None)])
def test_cores_are_bounded_by_the_environment(monkeypatch, value, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    available = cores()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", value)
    assert cores() == (expected or available)


# Arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.without_kernels
def test_a_host_array_comes_back_as_it_went_in(backend64):
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    assert host(backend64, backend64.array(values)).tobytes() == values.tobytes()
    assert host(backend64, backend64.array(values.T)).tolist() == values.T.tolist()


@pytest.mark.without_kernels
def test_an_array_is_a_copy(backend64):
    values = np.ones((2, 3))
    array = backend64.array(values)
    array += 1
    assert np.all(values == 1)


@pytest.mark.without_kernels
@pytest.mark.parametrize(
    "values", [3, 3.5, [1, 2], np.ones((2, 3), "float64"), np.zeros((0, 4)), np.eye(2, dtype=bool)]
)
def test_an_array_is_floating_point_and_keeps_its_shape(backend, values):
    array = host(backend, backend.array(values))
    assert (array.shape, array.dtype) == (np.shape(values), "float32")


@pytest.mark.without_kernels
def test_an_array_has_another_type_where_asked(backend):
    assert host(backend, backend.array([1, 2], dtype=backend.xp.int64)).dtype == np.int64


@pytest.mark.without_kernels
def test_zeros_are_zero_and_floating_point(backend):
    zeros = host(backend, backend.zeros((2, 3)))
    assert (zeros.shape, zeros.dtype, np.any(zeros)) == ((2, 3), "float32", False)


def test_bytes_are_stored_as_bytes_and_rows_come_out_in_the_unit_interval(backend):
    images = np.random.default_rng(0).integers(0, 256, (6, 4), dtype=np.uint8)
    stored = backend.store(images)
    rows = host(backend, backend.rows(stored, backend.array([5, 0, 5], dtype=backend.xp.int64)))
    assert host(backend, stored).dtype == np.uint8 and rows.dtype == np.float32
    np.testing.assert_array_equal(rows, images[[5, 0, 5]].astype("float32") / np.float32(255))


@pytest.mark.without_kernels
def test_rows_of_float_images_are_the_images(backend):
    images = np.random.default_rng(0).uniform(size=(6, 4))
    rows = host(backend, backend.rows(backend.store(images), backend.array([1, 3], dtype=backend.xp.int64)))
    assert rows.tobytes() == images[[1, 3]].astype("float32").tobytes()


# Noise -----------------------------------------------------------------------------------------------------------

PLACE = {"seed": 1, "stream": 2, "step": 3, "draw": 4}
each_noise = pytest.mark.parametrize("kind", ["normal", "uniform"])


def draw(backend, kind, shape=(50,), **changed):
    return host(backend, getattr(backend, kind)(tuple((PLACE | changed).values()), shape))


@each_noise
def test_the_same_place_gives_the_same_noise(backend, kind):
    assert draw(backend, kind).tobytes() == draw(backend, kind).tobytes()


@each_noise
@pytest.mark.parametrize("coordinate", PLACE)
def test_another_place_gives_other_noise(backend, kind, coordinate):
    """Not one number in common, either: the places do not overlap."""
    here, there = draw(backend, kind), draw(backend, kind, **{coordinate: 5})
    assert np.intersect1d(here, there).size <= 1  # by chance, two of 50 float32 numbers might meet


@each_noise
def test_coordinates_are_not_mixed_up(backend, kind):
    """Seed 1 of stream 2 is not seed 2 of stream 1, and so on for every order of the four."""
    noise = {
        draw(backend, kind, **dict(zip(PLACE, order, strict=True))).tobytes() for order in permutations([1, 2, 3, 4])
    }
    assert len(noise) == 24


@each_noise
def test_noise_does_not_depend_on_what_was_drawn_before(backend, kind):
    alone = draw(backend, kind)
    draw(backend, kind, draw=3, shape=(1000,))
    assert draw(backend, kind).tobytes() == alone.tobytes()


@each_noise
def test_noise_is_float32(backend, kind):
    assert draw(backend, kind).dtype == np.float32


def test_normal_noise_is_normal(backend):
    x = np.sort(draw(backend, "normal", (100, 400)).astype("float64").ravel())
    assert abs(np.mean(x)) < 4 / np.sqrt(x.size)
    assert abs(np.var(x) - 1) < 4 * np.sqrt(2 / x.size)
    assert abs(np.mean(x**4) - 3) < 4 * np.sqrt(96 / x.size)  # Var x⁴ = 105 − 9


def test_uniform_noise_is_uniform(backend):
    u = np.sort(draw(backend, "uniform", (100, 400)).astype("float64").ravel())
    assert u[0] >= 0 and u[-1] < 1
    expected = (np.arange(u.size) + 0.5) / u.size
    assert np.max(np.abs(u - expected)) < 2.2 / np.sqrt(u.size)  # Kolmogorov and Smirnov: once in 10 000


def test_numpy_draws_the_plain_noise_in_float64():
    fast, plain = NumpyBackend("float64"), Backend(np, "float64")
    for kind in ("normal", "uniform"):
        assert draw(fast, kind).tobytes() == draw(plain, kind).tobytes()


def test_each_draw_of_a_pass_is_another_and_a_fresh_context_repeats_them(backend):
    def two():
        ctx = Context(backend, True, seed=1, stream="a", step=2)
        return [host(backend, ctx.normal((20,))).tolist() for _ in range(2)]

    first, second = two()
    assert first != second
    assert two() == [first, second]


@pytest.mark.parametrize("changed", [{"seed": 9}, {"stream": "b"}, {"step": 9}], ids=str)
def test_a_context_elsewhere_draws_other_noise(backend, changed):
    place = {"seed": 1, "stream": "a", "step": 2}
    here, there = Context(backend, True, **place), Context(backend, True, **(place | changed))
    assert host(backend, here.normal((20,))).tolist() != host(backend, there.normal((20,))).tolist()


# Portability: every xp.name(keyword=…) in the library must exist in the array libraries that we cannot all run --------


FOR_CUPY = ("cuda/backend.py", "distributed/nccl.py", "cuda/layers.py", "cuda/cublas.py", "benchmarks/gpu.py")


def calls_of_xp():
    """Yield (where, name, positional, keywords) for every use of `xp.name` or `….xp.name` in the library's source."""
    root = Path(tinyaae.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.as_posix().endswith((*FOR_CUPY, "backend/strict.py")):
            continue  # there xp is one library, and says so; for CuPy see `names_of_cupy`
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not is_xp(node.value):
                continue
            call = called.get(id(node))
            positional = len(call.args) if call else None
            keywords = tuple(keyword.arg for keyword in call.keywords) if call else ()
            yield f"{path.relative_to(root)}:{node.lineno}", node.attr, positional, keywords


def is_xp(node):
    return (isinstance(node, ast.Name) and node.id == "xp") or (isinstance(node, ast.Attribute) and node.attr == "xp")


def unknown_uses(library):
    """Return a line for every use of xp that `library` does not have, or whose arguments it does not take."""
    problems = []
    for where, name, positional, keywords in calls_of_xp():
        function = getattr(library, name, None)
        if function is None:
            problems.append(f"{where}: no {name}")
            continue
        if positional is None:  # not a call: a type such as uint8
            continue
        try:
            signature = inspect.signature(function)
        except ValueError:  # a ufunc of CuPy, which has no signature; we pass them arrays and nothing else
            problems += [f"{where}: {name}({keyword}=…)" for keyword in keywords]
            continue
        try:
            signature.bind(*[None] * positional, **dict.fromkeys(keywords))
        except TypeError as error:
            problems.append(f"{where}: {name}: {error}")
    return problems


PARTS_OF_CUPY = {  # how the code for GPUs says it -> which part of CuPy that is
    "backend.xp.": "", "self.xp.": "", "self.cupy.": "", "cupy.": "", "xp.": "",
    "cuda.": "cuda.", "runtime.": "cuda.runtime.",
}  # fmt: skip


def names_of_cupy():
    """Return the dotted names that the code for GPUs uses of CuPy, such as cuda.Stream."""
    root, found = Path(tinyaae.__file__).parent, set()
    files = [
        path
        for path in [*root.rglob("*.py"), *(root.parent / "benchmarks").glob("*.py")]
        if path.as_posix().endswith(FOR_CUPY)
    ]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            dotted = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if "(" in dotted:  # what a call returned
                continue
            for start, inside in PARTS_OF_CUPY.items():
                if dotted.startswith(start):
                    found.add(inside + dotted.removeprefix(start))
                    break
    return found


def test_every_name_that_only_a_gpu_would_look_up_is_in_cupy():
    cupy = pytest.importorskip("cupy")
    names = names_of_cupy()
    assert {"cuda.Stream", "cuda.MemoryPool", "RawModule", "cuda.runtime.driverGetVersion"} <= names
    for name in names:
        thing = cupy
        for part in name.split("."):
            assert hasattr(thing, part), f"cupy.{name}"
            thing = getattr(thing, part)
    stream, graph = cupy.cuda.Stream, cupy.cuda.graph.Graph
    assert all(map(callable, [stream.begin_capture, stream.end_capture, stream.synchronize, graph.launch]))
    assert all(map(callable, [cupy.cuda.MemoryPool.malloc, cupy.cuda.Event.record, cupy.RawModule.get_function]))
    assert {"data", "view", "dtype", "strides", "itemsize", "shape", "size"} <= {*dir(cupy.ndarray)}


def test_the_source_walk_finds_what_it_should():
    found = {(name, keywords) for _, name, _, keywords in calls_of_xp()}
    assert {("sum", ("axis",)), ("exp", ()), ("concat", ("axis",)), ("uint8", ())} <= found
    assert len(found) > 20


def test_everything_used_of_xp_is_in_the_array_api_standard():
    assert unknown_uses(pytest.importorskip("array_api_strict")) == []


def test_everything_used_of_xp_is_in_cupy_with_the_keywords_used():
    assert unknown_uses(pytest.importorskip("cupy")) == []
