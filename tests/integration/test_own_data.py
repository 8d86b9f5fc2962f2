"""What people bring trains, or is refused with what to do: labels, scales, shapes, formats, tables, scores."""

import csv
import json
import struct

import numpy as np
import pytest
from tiny import BATCH, arrays, refusal

import tinyaae
from tinyaae import cli, data
from tinyaae.training import Batches
from tinyaae.training.run_folder import RunFolder

X, Y = arrays()["x_train"], arrays()["y_train"]  # 120 images of 6 x 6 in 3 classes
TEST_X, TEST_Y = arrays()["x_test"], arrays()["y_test"]
NAMES = np.array(["cat", "dog", "owl"])
SMALL = dict(hidden=(12,), epochs=3, batch_size=BATCH)


def with_labels(known):
    """Return the labels with those of every image but the first `known` replaced by −1."""
    return np.where(np.arange(len(Y)) < known, Y.astype(int), -1)


def trained(mode=None, dataset=None, **flags):
    return tinyaae.train(mode, data=dataset, **(SMALL | flags))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Unlabelled images


def test_minus_one_is_an_image_without_a_label():
    dataset = data.from_arrays(X, with_labels(30), TEST_X, TEST_Y)
    assert (dataset.classes, int(np.sum(dataset.y_train == -1))) == (3, 90)
    run = trained(dataset=dataset)
    assert run.model.config.labels == "all" and 0 <= run.result["test_error"] < 1


def test_only_labelled_images_are_for_validation_and_no_unlabelled_one_shows_a_label():
    dataset = data.from_arrays(X, with_labels(36), TEST_X, TEST_Y)
    split = data.split(dataset.y_train, 3, "all", seed=0)
    assert len(split.validation) == 3 and np.all(dataset.y_train[split.validation] >= 0)
    assert sorted([*split.labelled, *split.validation]) == list(range(36))
    assert len(split.train) == 117


def test_labels_n_draws_n_of_the_labels_that_are_there():
    dataset = data.from_arrays(X, with_labels(36), TEST_X, TEST_Y)
    config = trained(dataset=dataset, labels=9, epochs=1).model.config
    assert len(data.split_of(dataset, config).labelled) == 9
    message = refusal(trained, dataset=dataset, labels=60)
    assert "expected at most 33, the labelled training images" in message


def test_an_unlabelled_test_image_counts_for_no_error():
    some = np.where(np.arange(len(TEST_Y)) < 10, TEST_Y.astype(int), -1)
    run = trained(dataset=data.from_arrays(X, Y, TEST_X, some))
    chosen = run.model.classify(TEST_X[:10])
    assert run.result["test_error"] == np.mean(chosen != TEST_Y[:10])


def test_minus_one_beside_one_other_label_is_refused():
    message = refusal(data.from_arrays, X, np.where(Y == 0, 1, -1))
    assert message == "y_train: labels are -1 and 1, and -1 means unlabelled; are these two classes? use 0 and 1"


def test_the_command_says_what_it_read(here, capsys):
    np.savez("own.npz", x_train=X, y_train=with_labels(30), x_test=TEST_X, y_test=TEST_Y)
    flags = ["--data", "own.npz", "--hidden", "8", "--epochs", "1", "--batch-size", "10", "--out", "run"]
    assert cli.main(flags) == 0
    line = "own: 120 training images, 40 test images; 3 labels: 0, 1, 2; 90 training images are unlabelled"
    assert line in capsys.readouterr().out.splitlines()


# What a mode does not read may be absent


@pytest.mark.parametrize("mode", ["autoencoder", "vae", "gan", "aae", "clustering"])
def test_a_mode_that_reads_no_label_needs_none(mode):
    flags = {"clusters": 4} if mode == "clustering" else {}
    result = trained(mode, data.from_arrays(X), **flags).result
    assert result["test_error"] is None and "cluster_error" not in result


@pytest.mark.parametrize("mode", ["semi-supervised", "supervised", "label-regularized"])
def test_a_mode_that_reads_labels_says_that_there_are_none(mode):
    assert f"0 distinct labels, and mode {mode} reads labels" in refusal(trained, mode, data.from_arrays(X))


@pytest.mark.parametrize("mode, prior", [("aae", "mixture"), ("clustering", "swiss-roll"), ("gan", "mixture")])
def test_a_prior_with_modes_needs_no_label(mode, prior):
    model = trained(mode, data.from_arrays(X), prior=prior, epochs=1).model
    assert model.prior.modes == 10


def test_a_mode_that_can_cluster_says_how():
    assert "--labels 0 for clusters" in refusal(trained, "reduction", data.from_arrays(X))


def test_without_a_test_set_a_seventh_of_the_training_images_plays_it():
    dataset = data.from_arrays(X, Y)
    assert (len(dataset.x_train), len(dataset.x_test), dataset.held_out) == (103, 17, True)
    assert trained(dataset=dataset).result["test_set"] == "held out of the training file"
    assert data.digest(dataset) == data.digest(data.from_arrays(X, Y))  # always the same part


def test_no_class_is_held_out_whole():
    """Without the row that goes back to training, the one row of class 9 would play the test set for some of these."""
    for row in range(21):
        y = np.arange(21) % 2
        y[row] = 9
        dataset = data.from_arrays(X[:21], y)
        assert 2 in dataset.y_train and len(dataset.y_train) + len(dataset.y_test) == 21
        assert len(dataset.y_test) in (2, 3)


def test_that_no_test_image_has_a_label_is_said(here, capsys):
    np.savez("own.npz", x_train=X, y_train=Y, x_test=TEST_X)
    assert cli.main(["--data", "own.npz", "--hidden", "8", "--epochs", "1", "--out", "run"]) == 0
    assert "no test image has a label, so there is no test error" in capsys.readouterr().out


def test_test_images_of_one_class_have_a_test_error():
    dataset = data.from_arrays(X, Y, TEST_X[TEST_Y == 1], TEST_Y[TEST_Y == 1])
    assert 0 <= trained(dataset=dataset, epochs=1).result["test_error"] <= 1
    assert "cluster_error" not in trained("clustering", dataset, clusters=3, epochs=1).result


def test_a_validation_label_that_training_lacks_is_refused():
    dataset = data.from_arrays(X[Y < 2], Y[Y < 2], TEST_X[TEST_Y < 2], TEST_Y[TEST_Y < 2], TEST_X, TEST_Y)
    assert "the validation set has label 2, which no training image has" in refusal(trained, dataset=dataset)


def test_a_class_with_too_few_images_is_called_by_its_name():
    dataset = data.from_arrays(X, np.where(np.arange(120) < 100, "cat", "elk"))
    assert "class 'elk' has" in refusal(trained, dataset=dataset, labels=90)


def test_a_test_label_that_training_lacks_stops_only_modes_that_read_labels():
    dataset = data.from_arrays(X[Y < 2], Y[Y < 2], TEST_X, TEST_Y)
    trained("aae", dataset, epochs=1)
    assert "label 2, which no training image has" in refusal(trained, dataset=dataset)


def test_mode_supervised_needs_the_label_of_every_image():
    assert "90 images are unlabelled" in refusal(
        trained, "supervised", data.from_arrays(X, with_labels(30), TEST_X, TEST_Y)
    )


def test_an_own_validation_set_is_what_a_run_is_measured_on():
    dataset = data.from_arrays(X[:90], Y[:90], TEST_X, TEST_Y, X[90:], Y[90:])
    _, batches = tinyaae.prepare(None, dataset, **SMALL)
    np.testing.assert_array_equal(batches.validation[1], Y[90:])
    assert isinstance(batches, Batches) and batches.steps == 9  # no training image is held out


# Labels are names


@pytest.mark.parametrize(
    "names", [NAMES, np.array([1990, 2005, 2020]), np.array([-5, 0, 7])], ids=["words", "years", "ints"]
)
def test_answers_are_in_the_labels_of_the_data(names):
    run = trained(dataset=data.from_arrays(X, names[Y], TEST_X, names[TEST_Y]), epochs=6)
    assert set(run.model.classify(TEST_X).tolist()) <= set(names.tolist())
    assert [row["label"] for row in run.result["per_label"]] == names.tolist()
    np.testing.assert_array_equal(run.model.sample(4, labels=names[1].item()), run.model.sample_rows(4, 1))
    known = ", ".join(map(str, names.tolist()))
    assert refusal(run.model.sample, 2, labels="cow" if names is NAMES else 123).endswith(f"expected one of {known}")


def test_names_do_not_change_a_number():
    plain = trained(dataset=data.from_arrays(X, Y, TEST_X, TEST_Y))
    named = trained(dataset=data.from_arrays(X, NAMES[Y], TEST_X, NAMES[TEST_Y]))
    for name, array in plain.model.state().items():
        np.testing.assert_array_equal(named.model.state()[name], array)


def test_true_and_false_are_labels():
    dataset = data.from_arrays(X, Y > 0)
    assert dataset.names == (False, True) and set(np.unique(dataset.y_train)) == {0, 1}


def test_labels_with_gaps_take_no_more_memory_than_labels_in_a_row():
    dataset = data.from_arrays(X, Y.astype(np.int64) * 10**15)
    assert dataset.classes == 3 and trained(dataset=dataset, epochs=1).model.config.y_dim == 3


def test_a_run_of_named_labels_is_drawn_loaded_and_continued_with_its_names(here):
    np.savez("own.npz", x_train=X, y_train=NAMES[Y], x_test=TEST_X, y_test=NAMES[TEST_Y])
    tinyaae.train(data="own.npz", out="run", **SMALL)
    assert set(tinyaae.load("run").classify(TEST_X)) <= set(NAMES)
    assert cli.verbs(["draw", "run", "--all"]) == 0
    assert (here / "run" / "figures" / "confusion.png").exists()


# Scale and kind


def hint(x):
    """Return what is said about images on another scale."""
    return refusal(data.from_arrays, x, Y).partition("; ")[2]


UNIT = X / 255


@pytest.mark.parametrize(
    "raw, says",
    [
        (np.rint(UNIT * 16), "the largest is 16: divide by 16?"),
        (np.rint(UNIT * 16).astype(np.uint8), "the largest is 16: divide by 16?"),
        (X.astype(np.uint16) * 257, "the largest is 65535: divide by 65535?"),
        (UNIT * 2 - 1, "are they scaled to [-1, 1]? (x + 1) / 2"),
        ((UNIT - 0.13) / 0.31, "were the images standardized? (x + 0.42) / 3.227 is in [0, 1]"),
        (UNIT * 1.04 - 0.02, "did a resize overshoot? x.clip(0, 1)"),
        (UNIT * 255 + 0.1, "the largest is 255.1: divide by 255.1?"),
    ],
)
def test_the_hint_is_made_from_the_numbers_and_works_when_it_is_followed(raw, says):
    assert hint(raw).startswith(says)
    x = raw.astype(float)
    low, high = x.min(), x.max()
    undo = {
        "the": lambda: x / float(f"{high:g}"),
        "are": lambda: (x + 1) / 2,
        "did": lambda: x.clip(0, 1),
        "wer": lambda: (x + 0.42) / 3.227,
    }
    fixed = undo[says[:3]]()
    assert low < 0 or high > 1
    assert data.from_arrays(fixed, Y).x_train.max() <= 1


@pytest.mark.parametrize(
    "raw", [X, X.astype(np.int32), X.astype(float), X > 100, (X > 100).astype(np.uint8), (X > 100).astype(float)]
)
def test_what_needs_no_guess_is_taken_as_it_is(raw):
    dataset = data.from_arrays(raw, Y)
    assert float(tinyaae.data.unit_interval(dataset.x_train).max()) == 1
    assert dataset.x_train.dtype == (np.uint8 if raw.max() > 1 else np.float32)


@pytest.mark.parametrize("raw", [X.astype(float), (X > 100).astype(np.uint8), UNIT])
def test_a_new_image_is_scaled_as_the_training_images_were(raw):
    model = trained("aae", data.from_arrays(raw, Y)).model
    dark = raw[:1] // 2 if raw.max() > 1 else raw[:1] * 0
    np.testing.assert_allclose(model.encode(dark).z, model.encode(np.concatenate([raw, dark])).z[-1:], rtol=1e-5)


# Shapes


@pytest.mark.parametrize("shape", [(-1, 36), (-1, 6, 6), (-1, 6, 6, 1), (-1, 1, 6, 6)])
def test_grey_images_may_have_an_axis_of_channels(shape):
    dataset = data.from_arrays(X.reshape(shape), Y)
    assert (dataset.x_train.shape[1], dataset.side, dataset.channels) == (36, (6, 6), 1)


def test_colour_is_the_same_whether_its_axis_is_first_or_last(here):
    colour = np.stack([X, X // 2, X // 3], axis=3)
    last, first = data.from_arrays(colour, Y), data.from_arrays(np.moveaxis(colour, 3, 1), Y)
    assert (last.channels, last.side, last.x_train.shape[1]) == (3, (6, 6), 108)
    assert data.digest(last) == data.digest(first)
    np.savez("colour.npz", x_train=colour, y_train=Y)
    run = tinyaae.train(data="colour.npz", out="run", **SMALL)
    np.testing.assert_array_equal(run.model.classify(colour), run.model.classify(np.moveaxis(colour, 3, 1)))
    assert cli.verbs(["draw", "run"]) == 0


def test_images_with_transparency_are_told_the_line_that_drops_it():
    assert "x[..., :3]?" in refusal(data.from_arrays, np.zeros((8, 6, 6, 4), np.uint8))


# Formats


def test_every_kind_of_idx_number_is_read(tmp_path):
    for code, kind in {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}.items():
        folder = tmp_path / kind.strip(">")
        folder.mkdir()
        for name, array in {"train-images-idx3-ubyte": X, "t10k-images-idx3-ubyte": TEST_X}.items():
            write_idx(folder / name, 8, array)
        for name, labels in {"train-labels-idx1-ubyte": Y, "t10k-labels-idx1-ubyte": TEST_Y}.items():
            write_idx(folder / name, code, labels.astype(kind))
        np.testing.assert_array_equal(data.load(folder).y_train, Y)


def write_idx(path, code, array):
    path.write_bytes(bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


@pytest.mark.parametrize(
    "names", ["x_train y_train", "X_train Y_train", "images labels", "train_images train_labels", "data target"]
)
def test_an_npz_may_use_the_names_that_people_use(tmp_path, names):
    np.savez(tmp_path / "own.npz", **dict(zip(names.split(), (X, Y), strict=True)))
    np.testing.assert_array_equal(data.load(tmp_path / "own.npz").y_train.shape, (103,))


def test_a_folder_of_npy_files_and_one_npy_alone_are_read(tmp_path):
    np.save(tmp_path / "x_train.npy", X)
    np.save(tmp_path / "y_train.npy", Y)
    assert data.load(tmp_path).classes == 3
    assert data.load(tmp_path / "x_train.npy").classes == 0


@pytest.mark.parametrize("labels", [Y.astype(int), NAMES[Y]], ids=["numbers", "words"])
def test_a_csv_with_a_column_label_is_read(tmp_path, labels):
    """As Kaggle's train.csv: a header, the label, the pixels."""
    with (tmp_path / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", *[f"pixel{k}" for k in range(36)]])
        writer.writerows([label, *row] for label, row in zip(labels.tolist(), X.reshape(-1, 36).tolist(), strict=True))
    dataset = data.load(tmp_path / "train.csv")
    same = data.from_arrays(X.reshape(-1, 36), labels)
    assert data.digest(dataset) == data.digest(same)


def test_a_csv_without_a_header_says_what_is_expected(tmp_path):
    (tmp_path / "train.csv").write_text("1,2,3\n4,5,6\n")
    assert "begins with numbers, expected a line with the names" in refusal(data.load, tmp_path / "train.csv")


def test_a_csv_may_have_every_field_in_quotes(tmp_path):
    (tmp_path / "train.csv").write_text('"a","b","label"\n' + '"1","0","x, y"\n"0","1","z"\n' * 9)
    dataset = data.load(tmp_path / "train.csv")
    assert dataset.names == ("x, y", "z") and dataset.x_train.shape[1] == 2


@pytest.mark.parametrize(
    "text, says",
    [
        (",a,label\n0,1,2\n", "column 1 has no name; is it the index that pandas writes? to_csv(…, index=False)"),
        ("a,species\n1,cat\n", "a column of words that is not called label or class or target or y or labels?"),
        ("a,b,label\n1,,cat\n", "is a cell empty"),
        ("a,b,label\n", "is (0, 2), expected"),
    ],
)
def test_a_csv_that_cannot_be_read_says_what_may_be_wrong(tmp_path, text, says, recwarn):
    (tmp_path / "train.csv").write_text(text)
    assert says in refusal(data.load, tmp_path / "train.csv", table=True) and not recwarn.list


# Tables, scores, codes


def table(n=200, seed=0):
    """Return rows of four columns on scales of their own, of which the last is the sum of two others."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, n), rng.normal(0, 1, n)
    return np.stack([1e4 + 50 * a, 0.01 * b, 5 + 0 * a, 3 * (a + b)], axis=1)


TABLE = dict(reconstruction="gaussian", z=2, hidden=(20,), epochs=40, batch_size=20, input_noise=0.0)


def test_a_table_is_decoded_and_sampled_in_the_units_of_its_columns():
    rows = table()
    model = tinyaae.train("aae", data=data.from_arrays(rows, table=True), **TABLE).model
    x = model.reconstruct(rows)
    assert np.all(np.abs(x - rows).mean(axis=0) < 0.5 * np.maximum(rows.std(axis=0), 0.4))
    samples = model.sample(200)
    np.testing.assert_allclose(samples.mean(axis=0), rows.mean(axis=0), atol=rows.std(axis=0).max() / 2, rtol=0.01)


def test_columns_of_any_size_come_back_in_their_units():
    """A time in seconds, of which float32 keeps two minutes; and lengths that are far smaller than 1."""
    rows = np.random.default_rng(0).normal([1.7e9, 0], [5, 1e-13], (200, 2))
    model = tinyaae.train("aae", data=data.from_arrays(rows, table=True), **TABLE | {"epochs": 10}).model
    back = model.reconstruct(rows)
    assert np.all(np.abs(np.mean(back - rows, axis=0)) < 0.5 * rows.std(axis=0))


@pytest.mark.parametrize("part", ["x_train", "x_test", "x_validation"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_of_a_table_that_is_not_finite_is_named_by_its_place(part, number):
    wrong = table()
    wrong[3, 2] = number
    given = {"x_train": table(), "x_test": table(), "x_validation": table()} | {part: wrong}
    line = refusal(data.from_arrays, **given, table=True)
    assert line.startswith(f"{part}: row 3, column 2, counted from 0, is {number}, expected finite numbers")


def test_a_table_needs_a_decoder_of_real_numbers():
    assert "reconstruction='gaussian'" in refusal(trained, "aae", data.from_arrays(table(), table=True))


def test_scores_are_low_for_rows_unlike_those_of_training():
    rows, rng = table(), np.random.default_rng(1)
    model = tinyaae.train("aae", data=data.from_arrays(rows, table=True), **TABLE).model
    odd = rows.copy()
    odd[:, 3] = rng.permutation(-odd[:, 3])  # each column alone is as before, but no sum any more
    assert np.median(model.score(rows)) > np.median(model.score(odd))
    for by in ("reconstruction", "discriminator", "density"):
        far = rows + 40 * rows.std(axis=0)
        assert (
            model.score(rows, by=by).shape == (200,)
            and model.score(far, by="density").max() < model.score(rows, by="density").min()
        )


@pytest.mark.parametrize(
    "mode, by",
    [("autoencoder", "density"), ("vae", "discriminator"), ("supervised", "reconstruction"), ("aae", "likelihood")],
)
def test_a_score_that_a_mode_does_not_have_is_refused(mode, by):
    model = trained(mode, data.from_arrays(X, Y, TEST_X, TEST_Y), epochs=1).model
    assert refusal(model.score, X, by=by).startswith("score: ")


def test_where_p_reads_the_true_label_a_score_by_density_is_named_and_works():
    model = trained("supervised", data.from_arrays(X, Y, TEST_X, TEST_Y), epochs=1).model
    for by in ("reconstruction", "discriminator"):
        assert refusal(model.score, X, by=by).endswith("by density?")
    assert model.score(X, by="density").shape == (120,)


def test_encode_and_score_write_an_npz_and_a_csv(here, capsys):
    np.savez("own.npz", x_train=X, y_train=NAMES[Y], x_test=TEST_X, y_test=NAMES[TEST_Y])
    model = tinyaae.train(data="own.npz", out="run", **SMALL).model
    np.save("new.npy", TEST_X)
    assert cli.verbs(["encode", "run", "new.npy"]) == 0
    with np.load("new-encode.npz") as codes:
        np.testing.assert_array_equal(codes["label"], model.classify(TEST_X))
        np.testing.assert_allclose(codes["z"], model.encode(TEST_X).z)
    with open("new-encode.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 and {row["label"] for row in rows} <= set(NAMES) and "z_0" in rows[0]
    assert cli.verbs(["score", "run", "own.npz", "--by", "density", "--out", "s"]) == 0
    with np.load("s.npz") as scores:
        np.testing.assert_allclose(scores["score"], model.score(TEST_X, by="density"))


@pytest.mark.parametrize(
    "file, says", [("none.npy", "no such file"), ("wide.npy", "expected (n, 36)"), ("run", "holds ")]
)
def test_a_file_that_does_not_fit_the_run_is_one_line(here, capsys, file, says):
    tinyaae.train(data=data.from_arrays(X, Y, TEST_X, TEST_Y), out="run", **SMALL | {"epochs": 1})
    np.save("wide.npy", np.zeros((3, 40), np.uint8))
    before = sorted(path.name for path in here.iterdir())
    assert cli.verbs(["encode", "run", file]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and says in err
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_table_from_the_command_line_keeps_its_scale_in_the_run(here):
    np.save("table.npy", table())
    flags = ["--mode", "aae", "--data", "table.npy", "--set", "reconstruction=gaussian", "--z", "2", "--hidden", "8"]
    assert cli.main([*flags, "--epochs", "1", "--batch-size", "20", "--out", "run", "--quiet"]) == 0
    config = RunFolder.open("run").config()
    assert len(config.mean) == len(config.std) == 4 and json.loads(config.to_json())["mean"][0] > 9000
    assert {path.name for path in (here / "run" / "figures").iterdir()} >= {"columns.png", "latent.png"}
