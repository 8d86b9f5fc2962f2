"""The CuPy backend: kernels, cuBLAS calls and graphs, on a GPU where there is one and on `fake_cupy` everywhere."""

import ctypes
import gc
import json
import sys
import weakref
from itertools import islice

import numpy as np
import pytest
from backends import GPU, backend_for_test
from fake_cupy import COMPILER, MemoryPool, backend_without_gpu, fake_cublas, install
from helpers import host
from steps import assert_close, each_stepped, values_and_state, with_noise_of_numpy
from tiny import config_of, takes, tiny_dataset

from tinyaae.backend import Backend
from tinyaae.backend.cuda import cublas
from tinyaae.backend.cuda import kernels as cuda_kernels
from tinyaae.backend.cuda.backend import DROPPED, CupyBackend, return_memory
from tinyaae.backend.cuda.cublas import layout
from tinyaae.backend.cuda.graph import Recording
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.fields import priors_of_z
from tinyaae.config.modes import MODES
from tinyaae.errors import UserError
from tinyaae.model import build
from tinyaae.phases import Batch
from tinyaae.training import Batches
from tinyaae.training import run as whole_run

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="g++ is not installed")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def gpuless(monkeypatch, dtype):
    """The CuPy backend on the stand-in for CuPy."""
    return backend_without_gpu(monkeypatch, dtype)


@pytest.fixture(params=[*GPU, "cupy-without-gpu"])
def cuda(request, monkeypatch, dtype):
    """The CuPy backend, on a GPU where there is one and on the stand-in everywhere."""
    return backend_for_test(request.param, dtype, monkeypatch)


# The source ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["compute_80", "compute_90"])
def test_cuda_source_compiles_to_ptx(architecture, dtype):
    """No GPU is needed for this, only NVRTC: pip install cupy-cuda12x nvidia-cuda-nvrtc-cu12."""
    pytest.importorskip("cupy")
    from cupy_backends.cuda.libs import nvrtc

    try:
        nvrtc.getVersion()
    except Exception as error:  # CuPy's own kind, which says which library it looked for
        pytest.skip(f"no NVRTC: {error}")
    program = nvrtc.createProgram(cuda_kernels.SOURCE, "kernels.cu", (), ())
    try:
        options = (f"--gpu-architecture={architecture}", *cuda_kernels.options(dtype))
        nvrtc.compileProgram(program, options)
        ptx = nvrtc.getPTX(program).decode()
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program))
    finally:
        nvrtc.destroyProgram(program)
    bodies = dict(body.split("(", 1) for body in ptx.split(".entry ")[1:])
    assert sorted(bodies) == sorted(cuda_kernels.KERNELS)
    assert "fma" not in bodies["adam"] + bodies["momentum"]  # they round where their plain versions do


# Noise -----------------------------------------------------------------------------------------------------------


def philox(counter, key):
    """Philox4x32-10 on arrays: counter (4, n) and key (2,) of uint32 -> (4, n), as in its paper's figure 2."""
    x = [word.astype(np.uint64) for word in np.asarray(counter, np.uint32)]
    k = [int(word) for word in key]
    for _ in range(10):
        a, b = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        high, low = lambda product: product >> np.uint64(32), lambda product: product & np.uint64(0xFFFFFFFF)
        x = [high(b) ^ x[1] ^ np.uint64(k[0]), low(b), high(a) ^ x[3] ^ np.uint64(k[1]), low(a)]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return np.array(x, np.uint32)


# from the authors' kat_vectors (Random123): counter, key, ten rounds' result
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_the_reference_philox_gives_the_known_answers(counter, key, expected):
    assert philox(words(counter)[:, None], words(key))[:, 0].tolist() == words(expected).tolist()


PLACES = [(0, 0, 0, 1), (3, 0xDEADBEEF, 41, 2), (2**40 + 7, 5, 2**32 - 1, 1), (2**64 - 1, 2**32 - 1, 6, 2**32 - 1)]


def expected_words(place, n):
    """The first n random words at `place`: block i of four has the counter (i, draw, step, high half of the seed)."""
    seed, stream, step, draw = place
    blocks = np.arange(-(-n // 4), dtype=np.uint32)
    rest = [np.full_like(blocks, word) for word in (draw, step, seed >> 32)]
    return philox([blocks, *rest], (seed % 2**32, stream)).T.ravel()[:n]


@pytest.mark.parametrize("place", PLACES)
def test_the_kernels_draw_the_noise_of_the_reference(cuda, place):
    """Uniform noise to the last bit, normal noise to a few, at a step given as a number and one in memory."""
    shape = (37, 3)
    random = expected_words(place, int(np.prod(shape))).reshape(shape)
    in_memory = cuda.xp.zeros((1,), dtype=cuda.xp.uint32)
    in_memory += cuda.xp.asarray(np.uint32(place[2]))
    for step in (place[2], in_memory):
        here = (*place[:2], step, place[3])
        assert host(cuda, cuda.uniform(here, shape)).tolist() == ((random >> 8) / 2**24).tolist()
        flat = expected_words(place, 4 * -(-random.size // 4)).astype(np.float64).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log((flat[:, 0] + 0.5) / 2**32)), 2 * np.pi * (flat[:, 1] // 256) / 2**24
        normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[: random.size]
        near = {"float32": 1e-5, "float64": 1e-13}[str(np.dtype(cuda.dtype))]
        np.testing.assert_allclose(host(cuda, cuda.normal(here, shape)).ravel(), normal, rtol=near, atol=near)


# The other kernels, against the plain version -----------------------------------------------------------------------


def test_the_kernels_are_the_plain_version(cuda):
    """The fused optimizers and the rows of images give the plain version's numbers to the last bit."""
    plain, rng = Backend(np, str(np.dtype(cuda.dtype))), np.random.default_rng(0)

    def both(*arrays):
        return [plain.array(a) for a in arrays], [cuda.array(a) for a in arrays]

    for n in (1, 7, 1000):
        w, dw, a, b = rng.normal(size=(4, n))
        mine, its = both(w, dw, a, b * b, [0.01, 1e-8])
        for _ in range(3):
            plain.adam(*mine, 0.9, 0.999)
            cuda.adam(*its, 0.9, 0.999)
        assert [host(cuda, x).tolist() for x in its] == [x.tolist() for x in mine]
        mine, its = both(w, dw, a, [0.01])
        for _ in range(3):
            plain.momentum(*mine, 0.9)
            cuda.momentum(*its, 0.9)
        assert [host(cuda, x).tolist() for x in its] == [x.tolist() for x in mine]

    images, index = rng.integers(0, 256, (9, 11)).astype(np.uint8), np.array([8, 0, 3, 3])
    found = cuda.rows(cuda.store(images), cuda.array(index, cuda.xp.int64))
    assert host(cuda, found).tolist() == plain.rows(images, index).tolist()
    found = cuda.rows(cuda.array(images / 255), cuda.array(index, cuda.xp.int64))
    assert host(cuda, found).tolist() == plain.array(images / 255)[index].tolist()


def test_the_kernels_write_words_and_pack_values(cuda):
    words = np.arange(1, 20, dtype=np.uint32)
    table = cuda.xp.zeros((64,), dtype=cuda.xp.uint32)
    cuda.write_words(table, words)
    assert host(cuda, table)[:19].tolist() == words.tolist()
    values = [cuda.xp.sum(cuda.array([k, k])) for k in range(20)]
    assert host(cuda, cuda.pack(values)).tolist() == [2 * k for k in range(20)]


# Matrix products -------------------------------------------------------------------------------------------------

SHAPES = [(4, 3, 5), (1, 3, 5), (4, 1, 5), (4, 3, 1), (1, 1, 5), (1, 3, 1), (4, 1, 1), (1, 1, 1)]


def forms(x, backend):
    """Yield matrix x in every way that it may lie in memory."""
    wide = np.concatenate([x, x + 1], axis=1)
    yield backend.array(x)
    yield backend.array(x.T).T
    yield backend.array(wide)[:, : x.shape[1]]
    yield backend.array(np.concatenate([x, x], axis=0).T).T[: x.shape[0], :]
    yield backend.array(np.repeat(x, 2, axis=1))[:, ::2]  # neither rows nor columns lie side by side


def test_products_are_right_however_the_matrices_lie(cuda, dtype):
    near = {"float32": 1e-5, "float64": 1e-13}[dtype]
    rng = np.random.default_rng(0)
    for m, k, n in SHAPES:
        a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
        for left in forms(a, cuda):
            for right in forms(b, cuda):
                assert host(cuda, cuda.xp.matmul(left, right)) == pytest.approx(a @ b, rel=near, abs=near)
        product = cuda.xp.matmul(cuda.array(a), cuda.array(b[:, 0]))
        assert host(cuda, product) == pytest.approx(a @ b[:, 0], rel=near, abs=near)
    assert host(cuda, cuda.xp.matmul(cuda.zeros((2, 0)), cuda.zeros((0, 3)))).tolist() == [[0.0] * 3] * 2
    assert cuda.xp.matmul(cuda.zeros((0, 2)), cuda.zeros((2, 3))).shape == (0, 3)


def test_a_transposed_view_costs_no_copy():
    x = np.zeros((4, 3), np.float32)
    assert layout((4, 3), (3, 1)) == (cublas.NORMAL, 3)
    assert layout((3, 4), (1, 3)) == (cublas.TRANSPOSED, 3)
    assert layout((4, 2), (3, 1)) == (cublas.NORMAL, 3)  # two of three columns
    assert layout(x[:, ::2].shape, (3, 2)) is None
    assert layout((4, 3), (0, 1)) is None  # a broadcast row


@needs_compiler
@pytest.mark.parametrize("wrong", [((2, 3), (2, 3)), ((2,), (2, 3)), ((2, 3, 4), (4, 5))], ids=str)
def test_products_of_unfit_shapes_are_refused(gpuless, wrong):
    with pytest.raises(ValueError, match="matmul"):
        gpuless.xp.matmul(*[gpuless.zeros(shape) for shape in wrong])


@needs_compiler
def test_a_failure_of_cublas_is_reported(gpuless):
    a, b = gpuless.zeros((2, 3)), gpuless.zeros((3, 2))
    gpuless.xp.matmul(a, b)
    gpuless._cublas.handle = ctypes.c_void_p(1)
    with pytest.raises(RuntimeError, match=r"gemm .* status 7"):
        gpuless.xp.matmul(a, b)
    with gpuless.xp.cuda.Stream(non_blocking=True), pytest.raises(RuntimeError, match="cublasSetStream_v2"):
        gpuless.xp.matmul(a, b)


@needs_compiler
def test_backends_share_one_handle_of_cublas_for_each_precision_and_leave_none_behind(monkeypatch):
    gc.collect()  # those of earlier tests
    before = fake_cublas().handles_alive()
    install(monkeypatch)
    backends = [CupyBackend(dtype, tf32=tf32) for dtype in ("float32", "float64") for tf32 in (False, True, False)]
    assert fake_cublas().handles_alive() == before + 2
    del backends
    gc.collect()
    assert fake_cublas().handles_alive() == before


@needs_compiler
def test_the_handle_of_cublas_belongs_to_the_gpu_that_is_chosen(monkeypatch):
    install(monkeypatch)
    runtime, handles = sys.modules["cupy"].cuda.runtime, []
    for device in (0, 1, 0):
        monkeypatch.setattr(runtime, "getDevice", lambda device=device: device)
        handles.append(CupyBackend()._cublas)
    assert handles[0] is handles[2] is not handles[1]


@needs_compiler
def test_tf32_is_asked_for_by_its_number(monkeypatch):
    """The stand-in for cuBLAS refuses any other mode than 3."""
    backend = backend_without_gpu(monkeypatch, tf32=True)
    assert backend.tf32
    with pytest.raises(RuntimeError, match="cublasSetMathMode"):
        monkeypatch.setattr(cublas, "TF32_MATH", 4)
        cublas.Cublas(backend.xp, fake_cublas(), tf32=True)


# Whole steps -----------------------------------------------------------------------------------------------------


@needs_compiler
@each_stepped
def test_the_backend_without_a_gpu_replays_what_it_steps(monkeypatch, dtype, flags):
    graphs, eager = [
        values_and_state(backend_without_gpu(monkeypatch, dtype, graphs=graphs), flags) for graphs in (True, False)
    ]
    assert graphs[0] == eager[0]
    assert {name: x.tobytes() for name, x in graphs[1].items()} == {name: x.tobytes() for name, x in eager[1].items()}


TEN_CLASSES = [
    *({"mode": mode} for mode in MODES),
    *({"mode": "label-regularized", "prior": prior, "z": 2} for prior in ("mixture", "swiss-roll")),
    *({"mode": "aae", "prior": prior, "z": 2} for prior in priors_of_z()),
    *({"mode": "vae", "prior": prior, "z": 2} for prior in ("laplace", "mixture")),
    *({"mode": "semi-supervised", "posterior": posterior} for posterior in ("gaussian", "universal")),
]


@needs_compiler
@pytest.mark.parametrize("flags", TEN_CLASSES, ids=lambda flags: "-".join(map(str, flags.values())))
def test_a_step_on_ten_classes_is_recorded(monkeypatch, flags):
    """MNIST has ten; a recording cannot join more than eight arrays at once."""
    backend, dataset = backend_without_gpu(monkeypatch), tiny_dataset(classes=10)
    labels = {"labels": 10} if takes(flags["mode"], "labels") else {}
    config = config_of(**flags, **labels, hidden=(8, 7), batch_size=10).for_data(dataset)
    model = build(config, backend)
    for batch in islice(Batches(dataset, config, backend).epoch(0), 2):
        model.step(batch)
    (step,) = model._captured.values()
    assert [type(replay.__self__) for replay in step.recordings.values()] == [Recording]


@needs_compiler
def test_a_step_that_cannot_be_recorded_runs_as_written_and_ends_the_recording(gpuless):
    step = gpuless.captured(lambda batch: {"a": gpuless.xp.sum(batch.x * gpuless.array([3.0]))})
    batch = Batch(gpuless.array([1.0, 2.0]))
    assert float(step(batch)["a"]) == 9
    with pytest.warns(UserWarning, match="sends a host array"):
        assert float(step(batch)["a"]) == 9
    gpuless.synchronize()  # the stand-in refuses that while it records


@needs_compiler
def test_garbage_is_collected_before_a_recording_and_not_in_it(gpuless):
    class Garbage:
        pass

    garbage, states = Garbage(), []
    garbage.itself, gone = garbage, weakref.ref(garbage)
    del garbage
    gpuless.record(lambda _: ([], states.append((gone() is None, gc.isenabled()))), None)
    assert states == [(True, False)] and gc.isenabled()


@needs_compiler
def test_the_memory_of_a_dropped_graph_is_returned_at_once_and_what_is_still_used_later(gpuless, monkeypatch):
    class Pool(MemoryPool):
        blocks = ["free", "in use"]

        def free_all_blocks(self):
            self.blocks = [block for block in self.blocks if block != "free"]

        def total_bytes(self):
            return len(self.blocks)

    pools = []
    monkeypatch.setattr(gpuless.xp.cuda, "MemoryPool", lambda allocator: pools.append(Pool(allocator)) or pools[-1])
    launch, *_ = gpuless.record(lambda _: ([], None), None)
    return_memory()
    assert pools[0].blocks == ["free", "in use"]
    del launch
    assert pools[0].blocks == ["in use"]
    pools[0].blocks = ["free"]
    return_memory()
    assert pools[0].blocks == [] and pools[0] not in DROPPED


@needs_compiler
def test_cublas_without_memory_says_so(gpuless, monkeypatch):
    monkeypatch.setattr(fake_cublas(), "cublasCreate_v2", lambda handle: 3)
    monkeypatch.setattr(cublas, "SHARED", {})
    with pytest.raises(UserError, match="the GPU has no free memory"):
        CupyBackend()


@needs_compiler
@each_stepped
def test_the_backend_without_a_gpu_trains_like_numpy(monkeypatch, flags):
    backend = with_noise_of_numpy(backend_without_gpu(monkeypatch, "float64", graphs=False))
    assert_close(values_and_state(backend, flags), values_and_state(NumpyBackend("float64"), flags), 1e-9)


@needs_compiler
def test_a_run_says_which_gpu_it_was_made_on(gpuless):
    assert whole_run.machine(gpuless).startswith("no GPU, ")
    assert not whole_run.machine(NumpyBackend()).startswith("None")


# The look at a GPU, which has to work at the first try ----------------------------------------------------------


def test_a_part_of_the_measurements_that_is_not_there_is_refused(tmp_path, capsys):
    from benchmarks import gpu

    with pytest.raises(SystemExit) as stop:
        gpu.main(["--out", str(tmp_path), "--parts", "step"])
    assert stop.value.code == 2 and "step given, expected some of probe, steps" in capsys.readouterr().err


@needs_compiler
def test_the_look_at_a_gpu_probes_what_the_backend_relies_on(monkeypatch, tmp_path, capsys):
    from benchmarks import gpu

    install(monkeypatch)
    assert gpu.probe(tmp_path) == 0
    assert "ok      graph of a cuBLAS product: 64.0 then 256.0" in capsys.readouterr().out


TINY_CASE = {"tiny": {"hidden": (8, 7), "labels": 6, "batch_size": 10}}


@needs_compiler
def test_the_look_at_a_gpu_says_why_a_step_is_not_recorded_and_times_it_as_written(monkeypatch, tmp_path, capsys):
    from benchmarks import gpu

    def refused(*_):
        raise RuntimeError("no graph today")

    install(monkeypatch)
    monkeypatch.setattr(CupyBackend, "record", refused)
    with pytest.warns(UserWarning, match="no graph today"):
        assert gpu.steps(tmp_path, TINY_CASE, 1, tiny_dataset()) == 1
    found = json.loads((tmp_path / "steps.json").read_text())["tiny"]
    assert "no graph today" in found["not recorded"][0] and "as written" in found


@needs_compiler
def test_the_look_at_a_gpu_times_steps_and_says_that_graphs_are_right(monkeypatch, tmp_path):
    from benchmarks import gpu

    install(monkeypatch)
    assert gpu.steps(tmp_path, TINY_CASE, 1, tiny_dataset()) == 0
    found = json.loads((tmp_path / "steps.json").read_text())["tiny"]
    assert found["off by, in a loss and in a weight"] == [0, 0] and found["products"] == 61
    assert {"graph", "as written", "graph, tf32", "graph alone", "products alone"} <= found.keys()


def test_the_look_at_a_gpu_stops_a_part_at_its_limit_and_goes_on(tmp_path):
    from benchmarks import gpu

    sleeper = [sys.executable, "-c", "print('begun', flush=True); import time; time.sleep(60)"]
    found = gpu.run("sleep", sleeper, gpu.SAVING + gpu.KILLING + 2, tmp_path)
    assert found["outcome"] == "stopped after 2 s" and found["end"] == ["begun"]
    assert found["seconds"] < 20
    found = gpu.run("fail", [sys.executable, "-c", "raise SystemExit(3)"], 60, tmp_path)
    assert found["outcome"] == "failed with status 3"
    assert gpu.run("late", sleeper, gpu.SAVING, tmp_path)["outcome"] == "no time left"


def test_the_look_at_a_gpu_keeps_the_search_path_of_its_caller(tmp_path, monkeypatch):
    from benchmarks import gpu

    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "wheels"))
    found = gpu.run("path", [sys.executable, "-c", "import sys; print(*sys.path, sep='\\n')"], 60, tmp_path)
    assert {str(gpu.ROOT), str(tmp_path / "wheels")} <= set(found["end"])


def test_the_parts_of_the_look_at_a_gpu_fit_into_its_time():
    from benchmarks import gpu

    needed = [sum(gpu.PEERS.values()) if part == "peers" else gpu.LIMITS[part] for part in gpu.DEFAULT_PARTS.split(",")]
    assert sum(needed) <= gpu.DEFAULT_LIMIT and max(gpu.LIMITS.values()) <= gpu.DEFAULT_LIMIT
