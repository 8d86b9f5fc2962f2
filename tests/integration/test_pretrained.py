"""The pretrained models: they open by name, are what they say, and nothing is written beside them."""

import json
import re
from dataclasses import asdict
from fnmatch import fnmatch

import numpy as np
import pytest
from tiny import REPOSITORY, config_of, refusal, tiny_dataset, write_npz

import results.__main__ as results
import tinyaae
from results import keep
from tinyaae import cli, data
from tinyaae.model import build
from tinyaae.training import pretrained
from tinyaae.training.pretrained import PretrainedRun, parameters_of, pretrained_names, write_pretrained
from tinyaae.training.quantize import with_quantized_weights
from tinyaae.training.run import started_from

NAMES = pretrained_names()
# another processor rounds differently, which may turn an image or two of ten thousand, or of a thousand
TWO_IMAGES = {
    "test_error": 2e-4, "cluster_error": 2e-4, "content_accuracy": 2e-3, "exchange_accuracy": 2e-3,
    "reconstruction_error": 1e-2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def about(name):
    return PretrainedRun(pretrained.HERE / f"{name}.npz").about


def test_the_package_has_each_model_of_the_table():
    assert set(NAMES) == set(keep.MODELS)


def test_a_model_has_at_most_three_megabytes_and_all_have_ten():
    sizes = [file.stat().st_size for file in pretrained.HERE.iterdir()]
    assert max(sizes) <= 3e6 and sum(sizes) <= 10e6


def test_the_files_of_all_models_are_package_data():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["tinyaae"]
    assert all(any(fnmatch(f"pretrained/{file.name}", each) for each in patterns) for file in pretrained.HERE.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_model_opens_by_its_name_on_each_backend(name, backend):
    model, on_numpy = tinyaae.load(name, backend), tinyaae.load(name)
    x = data.load_mnist().x_test[:20]
    np.testing.assert_allclose(model.encode(x).z, on_numpy.encode(x).z, rtol=1e-4, atol=1e-4)
    assert model.decode(*model_input(model)).shape == (3, 784)


def model_input(model):
    k = model.config.decoder_y_dim
    return np.zeros((3, model.config.z), np.float32), np.eye(k, dtype=np.float32)[:3] if k else None


@pytest.mark.parametrize("name", NAMES)
def test_a_model_needs_no_library_beyond_numpy(name):
    assert about(name)["config"]["backend"] == "numpy"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_evaluate_prints_the_recorded_numbers_beside_those_of_the_run_and_of_the_row(name, capsys, monkeypatch):
    measured, evaluate = {}, cli.evaluate
    monkeypatch.setattr(cli, "evaluate", lambda *given, **named: measured.update(evaluate(*given, **named)) or measured)
    assert cli.verbs(["evaluate", name]) == 0
    recorded, printed = about(name)["result"], capsys.readouterr().out
    for measure, allowed in TWO_IMAGES.items():
        if recorded.get(measure) is not None:
            assert measured[measure] == pytest.approx(recorded[measure], abs=allowed)
    assert measured["content_accuracy"] > 0.9
    row = recorded["row"]
    for said in (cli.in_words(recorded["before_quantization"]), recorded["command"], row["says"] if row else ""):
        assert said in printed


@pytest.mark.parametrize("name", NAMES)
def test_a_model_was_made_by_the_command_that_it_names_and_says_what_its_row_says(name):
    kept, found = keep.MODELS[name], about(name)
    asked = asdict(keep.config_of(kept.flags))
    made = json.loads(json.dumps(asked))
    assert {key: value for key, value in found["config"].items() if key not in keep.FILLED_IN} == {
        key: value for key, value in made.items() if key not in keep.FILLED_IN
    }
    row, result = found["result"]["row"], found["result"]
    assert not re.search("/(?:tmp|home|root|work|usr)/", json.dumps(found))
    assert result["command"] == f"python run_mnist.py {kept.flags}" and f"--seed {result['seed']}" in kept.flags
    if kept.row:
        assert row == {
            "name": kept.row, "differs": kept.differs, "says": results.row_in_words(kept.row, result["seed"])
        }  # fmt: skip
        same = keep.config_of(f"{results.EXPERIMENTS[kept.row].flags} --seed 0")
        assert (asdict(same) == asked) == (kept.differs == "")


def test_an_existing_path_wins_over_a_name(here):
    name = NAMES[0]
    dataset = data.load(write_npz(here / "data.npz"))
    tinyaae.train("aae", data=dataset, out="run", hidden=(8, 7), epochs=1, batch_size=10)
    (here / "run").rename(name)
    assert tinyaae.load(name).config.inputs == 36
    (here / name / "config.json").unlink()
    assert "no config.json there" in refusal(tinyaae.load, name)


@pytest.mark.parametrize("verb", ["evaluate", "draw", "compare", "explore", "resume", "encode", "score"])
def test_a_wrong_name_is_answered_in_one_line_with_the_right_names(verb, capsys):
    assert cli.verbs([verb, "semi-supervised", *(["data.npz"] if verb in ("encode", "score") else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "semi-supervised: no config.json there" in line and all(name in line for name in NAMES)


def test_help_lists_the_models(capsys):
    assert cli.verbs(["--help"]) == 0
    assert ", ".join(NAMES) in capsys.readouterr().out


def test_a_pretrained_model_is_finished_and_not_written_to(capsys):
    assert cli.verbs(["resume", NAMES[0]]) == 0
    assert "is finished already" in capsys.readouterr().out
    assert cli.verbs(["evaluate", NAMES[0], "--samples", "100"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "to which nothing is written" in line and f"--start-from {NAMES[0]}" in line
    assert "last epoch alone" in refusal(tinyaae.load, NAMES[0], best=True)


@pytest.mark.slow
def test_what_is_made_of_a_model_goes_to_the_current_folder(here, capsys):
    name = "supervised"
    np.save("new.npy", data.load_mnist().x_test[:5])
    before = {file: file.stat().st_mtime_ns for file in pretrained.HERE.iterdir()}
    for argv in (["explore", name], ["draw", name], ["encode", name, "new.npy"], ["compare", name, name]):
        assert cli.verbs(argv) == 0
    assert {file: file.stat().st_mtime_ns for file in pretrained.HERE.iterdir()} == before
    made = {f"{name}.html", f"{name}-figures", "new.npy", "new-encode.npz", "new-encode.csv", "side_by_side.png"}
    assert {path.name for path in here.iterdir()} == made
    printed = capsys.readouterr().out
    assert f"{name}.html: " in printed and f"pictures in {name}-figures" in printed
    result = about(name)["result"]
    page = (here / f"{name}.html").read_text(encoding="utf-8")
    before, now = (each["reconstruction_error"] for each in (result["before_quantization"], result))
    assert f"weights of training: {before:.2f}. With weights in 8 bits, as here: {now:.2f}." in page


def test_a_run_starts_from_a_pretrained_model():
    config = tinyaae.load("supervised").config
    model = build(config, tinyaae.Backend.named("numpy"))
    found = started_from("supervised", model)["start_from"]
    assert found == {"run": "supervised", "epoch": config.epochs, "networks": ["Q", "P", "D_gauss"]}
    np.testing.assert_array_equal(model.networks["Q"].flat, tinyaae.load("supervised").networks["Q"].flat)


@pytest.mark.parametrize("mode, flags", [
    ("semi-supervised", {}), ("gan", {}), ("reduction", {"labels": 0, "clusters": 4}), ("vae", {}),
    ("aae", {"posterior": "universal", "batch_norm": False}),
])  # fmt: skip
def test_a_written_model_is_read_with_the_weights_that_8_bits_hold(mode, flags, here):
    model = moved(mode, **flags)
    write_pretrained(here / "a.npz", model, {"config": {}, "result": {}, "metrics": []})
    other = moved(mode, seed=1, **flags)
    PretrainedRun(here / "a.npz").restore(other)
    expected = {name: array for name, array, _ in parameters_of(with_quantized_weights(model))}
    for name, array, _ in parameters_of(other):
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    assert len(expected) == len([*parameters_of(other)])


def moved(mode, **flags):
    """Return a model whose weights, biases and averages are all random."""
    model = build(config_of(mode, hidden=(8, 7), **flags).for_data(tiny_dataset()), tinyaae.Backend.named("numpy"))
    rng = np.random.default_rng(flags.get("seed", 0))
    for _, array, _ in parameters_of(model):
        array[...] = rng.uniform(0.1, 1, array.shape)
    return model


@pytest.mark.parametrize("damage", [lambda b: b[:1000], lambda b: b.replace(b"about", b"abuot"), lambda b: b""])
def test_a_damaged_file_is_refused_in_one_line(damage, here, monkeypatch):
    content = damage((pretrained.HERE / "supervised.npz").read_bytes())
    (here / "package").mkdir()
    (here / "package" / "supervised.npz").write_bytes(content)
    monkeypatch.setattr(pretrained, "HERE", here / "package")
    assert "supervised.npz: " in refusal(tinyaae.load, "supervised")
