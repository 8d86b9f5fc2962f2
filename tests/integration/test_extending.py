"""What docs/extending.md shows works as it stands, in a folder outside the package."""

import os
import re
import subprocess
import sys

import fake_cupy
import numpy as np
import pytest
from tiny import REPOSITORY

PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
CODE = {title: "\n".join(re.findall(r"```python\n(.*?)```", text, re.S)) for title, text in SECTIONS.items()}
CODE["A mode"] = CODE.pop("A phase") + CODE["A mode"]  # the mode uses the phase before it
EXPORT, USE, ONNX = re.findall(r"```python\n(.*?)```", SECTIONS["Another program"], re.S)
LINES = {"A prior": 12, "A layer": 15, "A phase": 40, "A mode": 10}  # of the class or function, without blank lines


def printed(title, folder):
    """Return the lines that the code of a section prints, run by itself."""
    return script(CODE[title], folder)


def script(code, folder, warnings="error"):
    """Return the lines that `code` prints, run by itself in `folder`."""
    (folder / "mine.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests" / "support")))
    environment = os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    job = subprocess.run(
        [sys.executable, "-W", warnings, "mine.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (job.returncode, job.stderr if warnings == "error" else "") == (0, ""), job.stderr
    return job.stdout.splitlines()


def test_a_prior_of_ones_own_is_what_the_codes_follow(tmp_path):
    spread, error = printed("A prior", tmp_path)
    assert 1.5 < float(spread) < 2.7
    assert float(error) == 0


def test_a_layer_of_ones_own_passes_the_gradient_check(tmp_path):
    (error,) = printed("A layer", tmp_path)
    assert float(error) < 1e-6


def test_an_encoder_and_a_decoder_of_ones_own_train_and_are_loaded(tmp_path):
    first, q, p, d, *_, size = printed("An encoder and a decoder", tmp_path)
    assert first == "aae: z of 8, prior gaussian"
    assert [line.split(",")[0].split() for line in (q, p, d)] == [
        ["Q", "784-100-8"], ["P", "8-300-784"], ["D_gauss", "8-50-50-1"]
    ]  # fmt: skip
    assert int(size) == 784 * 100 + 100 + 100 * 8 + 8


def test_a_mode_of_ones_own_trains_and_its_phase_passes_the_gradient_check(tmp_path):
    first, *about, discrepancy, error = printed("A mode", tmp_path)
    assert first == "wae: z of 8, prior gaussian"
    assert about[-1].startswith("  mean-discrepancy moves Q by Adam")
    assert float(discrepancy) < 0.5
    assert float(error) < 1e-4


def test_a_mode_with_an_adversarial_loss_of_ones_own_runs_from_the_command_line(tmp_path):
    (tmp_path / "my_models.py").write_text(CODE["An adversarial loss"], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1"}
    for line in re.search(r"```sh\n(.*?)```", SECTIONS["On the command line"], re.S)[1].splitlines():
        command, *words = line.split()
        assert command == "tinyaae"
        job = [sys.executable, "-W", "error", "-m", "tinyaae", *words]
        done = subprocess.run(job, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), line
    assert "reconstruction error" in done.stdout


WRITER = """
class SummaryWriter:
    def __init__(self, folder):
        self.folder = folder

    def add_scalar(self, name, value, step):
        print(self.folder, name, float(value), int(step))

    def add_images(self, name, images, step, dataformats):
        print(self.folder, name, images.shape, int(step), dataformats)

    def close(self):
        print("closed")
"""


def test_tensorboard_gets_every_metric_of_every_epoch(tmp_path):
    """A stand-in for its writer: torch is no dependency of the tests."""
    board = tmp_path / "torch" / "utils" / "tensorboard"
    board.mkdir(parents=True)
    for folder in (board, board.parent, board.parent.parent):
        (folder / "__init__.py").write_text(WRITER if folder == board else "", encoding="utf-8")
    *lines, last = printed("After each epoch", tmp_path)
    assert last == "closed"
    for epoch in ("1", "2"):
        mine = [line.split() for line in lines if line.split()[-1] == epoch]
        assert {"half_squared_error", "D_gauss", "reconstruction_error"} <= {words[1] for words in mine}
        assert f"board samples (16, 28, 28, 1) {epoch} NHWC" in lines


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with q.npz, and 500 test images with the code that the model itself gives them."""
    folder = tmp_path_factory.mktemp("exported")
    more = """
images = tinyaae.data.load_mnist().x_test[:500]
code = model.encode(images)
import numpy as np
np.savez("expected.npz", images=images, logits=code.logits, z=code.z)
"""
    script(EXPORT + more, folder)
    with np.load(folder / "expected.npz") as expected:
        return folder, dict(expected)


def test_numpy_alone_classifies_and_encodes_with_an_exported_model(exported):
    folder, expected = exported
    before, after = "images = np.load('expected.npz')['images']", "np.savez('numpy.npz', h=h, z=z, y=classes)"
    script(f"import numpy as np\n{before}\n{USE}\n{after}", folder)
    with np.load(folder / "numpy.npz") as found:
        np.testing.assert_array_equal(found["y"], np.argmax(expected["logits"], axis=1))
        np.testing.assert_allclose(found["z"], expected["z"], atol=1e-5)
        np.testing.assert_allclose(found["h"][:, :10], expected["logits"], atol=1e-5)


def test_onnxruntime_gives_the_codes_of_an_exported_model(exported):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    folder, expected = exported
    script(ONNX, folder, warnings="default")
    session = onnxruntime.InferenceSession(folder / "q.onnx", providers=["CPUExecutionProvider"])
    (h,) = session.run(None, {"images": expected["images"].astype(np.float32) / 255})
    np.testing.assert_allclose(h, np.concatenate([expected["logits"], expected["z"]], axis=1), atol=1e-5)


@pytest.mark.parametrize("code, most", [(USE, 11), (ONNX, 18)], ids=["numpy", "onnx"])
def test_what_uses_an_export_is_as_short_as_promised(code, most):
    assert len([line for line in code.splitlines() if line.strip()]) <= most


def test_what_needs_no_gpu_runs_without_one(tmp_path):
    pytest.importorskip("array_api_strict")
    if fake_cupy.COMPILER is None:
        pytest.skip("g++ is not installed")
    strict, cupy, error = printed("Without a GPU", tmp_path)
    assert float(strict) < 1e-6 and float(cupy) < 1e-6 and 0 < float(error) < 100


def test_a_host_function_in_a_layer_is_found_on_the_strict_backend(tmp_path):
    pytest.importorskip("array_api_strict")
    block = re.findall(r"```python\n(.*?)```", SECTIONS["Without a GPU"], re.S)[0]
    wrong = block.replace("self.xp.abs(x))", "np.abs(x))")
    assert wrong != block
    caught = (
        wrong.replace("print(", "try:\n    print(") + "except Exception as error:\n    print(type(error).__name__)\n"
    )
    assert script(caught, tmp_path)[0] in ("TypeError", "RuntimeError", "ValueError")


def test_a_backend_of_ones_own_runs_the_steps(tmp_path):
    (updates,) = printed("A backend", tmp_path)
    assert int(updates) == 4 * 20


@pytest.mark.parametrize("title", LINES)
def test_what_is_added_is_as_short_as_the_page_promises(title):
    block = re.findall(r"```python\n(.*?)```", SECTIONS[title], re.S)[0]
    body = re.search(r"^(@tinyaae.*?\n)?(class|def) .*?(?=\n\n\n|\Z)", block, re.S | re.M).group()
    code = re.sub(r'""".*?"""', "", body, flags=re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= LINES[title]
