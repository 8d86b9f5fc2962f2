"""An exported model: the names and order of its layers, and their arrays."""

import numpy as np
import pytest
from tiny import refusal, takes, tiny_model

from tinyaae.config.modes import MODES
from tinyaae.data import files


def evaluated(file, network, h):
    """Return what the layers of a network in an exported file make of h (n, d)."""
    for layer in file[network].tolist():
        of = {name.rpartition(".")[2]: file[name] for name in file if name.startswith(f"{layer}.")}
        match layer.split(".")[2]:
            case "Linear":
                h = h @ of["W"] + of["b"]
            case "BatchNorm":
                h = of["gamma"] * (h - of["running_mean"]) / np.sqrt(of["running_var"] + of["epsilon"]) + of["beta"]
            case "ReLU":
                h = np.maximum(h, 0)
            case "LeakyReLU":
                h = np.where(h > 0, h, of["slope"] * h)
            case "Sigmoid":
                h = 1 / (1 + np.exp(-h))
            case "AppendNoise":
                h = np.concatenate([h, np.zeros((len(h), of["d_noise"]))], axis=1)
            case "ClusterHeads":
                h = h[:, : of["k"]] @ of["W"] + h[:, of["k"] :]
            case "GaussianNoise" | "Dropout":
                pass
            case kind:
                raise KeyError(kind)
    return h


def opened(path):
    with np.load(path) as file:
        return dict(file)


CASES = [*({"mode": mode} for mode in MODES), {"mode": "semi-supervised", "posterior": "universal"}]


@pytest.mark.parametrize("flags", CASES, ids=lambda flags: "-".join(flags.values()))
def test_the_layers_of_an_export_compute_what_the_model_does(flags, tmp_path):
    model = tiny_model(**flags)
    model.export(tmp_path / "m.npz")
    file, c = opened(tmp_path / "m.npz"), model.config
    images = np.random.default_rng(0).integers(0, 256, (7, c.inputs)).astype(np.uint8)
    if "Q" in model.networks:
        code, h = model.encode(images), evaluated(file, "Q", images / 255)
        np.testing.assert_allclose(h[:, c.y_dim :], code.posterior, atol=1e-5)
        if c.y_dim:
            np.testing.assert_allclose(h[:, : file["y_dim"]], code.logits, atol=1e-5)
    z = np.random.default_rng(1).normal(size=(7, c.z))
    y = np.eye(c.decoder_y_dim)[np.arange(7) % c.decoder_y_dim] if c.decoder_y_dim else None
    read = z if y is None else np.concatenate([y, z], axis=1)
    np.testing.assert_allclose(evaluated(file, "P", read), model.decode(z, y), atol=1e-5)


def test_cross_entropy_s_decoder_ends_in_a_sigmoid(tmp_path):
    model = tiny_model("aae", reconstruction="cross-entropy")
    model.export(tmp_path / "m.npz")
    assert opened(tmp_path / "m.npz")["P"][-1].endswith(".Sigmoid")


@pytest.mark.parametrize("mode", [mode for mode in MODES if takes(mode, "lr_adversarial")])
def test_every_network_is_in_the_export(mode, tmp_path):
    model = tiny_model(mode)
    model.export(tmp_path / "m.npz")
    assert model.networks.keys() <= opened(tmp_path / "m.npz").keys()


def test_an_export_needs_no_pickle(tmp_path):
    tiny_model().export(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiuU" for name in file)


def test_an_export_onto_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch):
    (tmp_path / "m.npz").write_bytes(b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    said = refusal(tiny_model().export, tmp_path / "m.npz")
    assert said.startswith("export: ") and "No space left on device" in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"m.npz": b"before"}


def test_an_export_into_no_folder_is_refused(tmp_path):
    assert "does its folder exist?" in refusal(tiny_model().export, tmp_path / "none" / "m.npz")


def test_an_export_of_another_kind_is_refused(tmp_path):
    assert "expected a name that ends in .npz" in refusal(tiny_model().export, tmp_path / "m.onnx")
