"""The estimators: scikit-learn's own checks, and what these three promise beyond them."""

import copy
import pickle
import re

import numpy as np
import pytest
from tiny import REPOSITORY, arrays

sklearn = pytest.importorskip("sklearn", "1.6")
joblib = pytest.importorskip("joblib")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_digits, load_iris  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.metrics import adjusted_rand_score, roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from tinyaae.sklearn import AAEClassifier, AAEClusterer, AAETransformer  # noqa: E402

KINDS = [AAEClassifier, AAEClusterer, AAETransformer]
SMALL = dict(hidden=(16,), epochs=20, batch_size=20)
TINY = dict(hidden=(8,), epochs=2, random_state=0)


def expected_failures(estimator):
    """Return name -> reason of the checks that an estimator cannot pass."""
    if isinstance(estimator, AAEClassifier):
        return {"check_classifiers_classes": "its last case has the classes -1 and 1, and -1 means unlabelled"}
    return {}


def each_check(*estimators):
    """Return a decorator that runs a test for each check: a list of them, since pytest warns of a generator."""
    mark = parametrize_with_checks(list(estimators), expected_failed_checks=expected_failures)
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@each_check(AAEClusterer(**SMALL), AAETransformer(**SMALL))
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@each_check(AAEClassifier(**SMALL))
def test_checks_of_scikit_learn_on_the_classifier(estimator, check):
    check(estimator)


def fitted(kind, **parameters):
    """Return an estimator that was trained for a moment, and the rows and labels of iris."""
    x, y = load_iris(return_X_y=True)
    return kind(**TINY | parameters).fit(x, y), x, y


def outputs(estimator, x):
    return estimator.transform(x) if isinstance(estimator, AAETransformer) else estimator.predict(x)


# What all three do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_the_model(kind):
    (one, x, _), (two, *_), (other, *_) = fitted(kind), fitted(kind), fitted(kind, random_state=1)
    assert outputs(one, x).tobytes() == outputs(two, x).tobytes()
    weights = [each.model_.networks["Q"].flat for each in (one, two, other)]
    assert np.array_equal(weights[0], weights[1]) and not np.array_equal(weights[0], weights[2])
    with_state = [fitted(kind, random_state=np.random.RandomState(3))[0] for _ in range(2)]
    assert np.array_equal(*[each.model_.networks["Q"].flat for each in with_state])


@pytest.mark.parametrize("kind", KINDS)
def test_fit_prints_and_writes_nothing(kind, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    estimator, *_ = fitted(kind)
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())
    assert [row["epoch"] for row in estimator.history_] == [1, 2] and estimator.warnings_ == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_same_outputs(kind, tmp_path):
    estimator, x, _ = fitted(kind)
    joblib.dump(estimator, tmp_path / "estimator")
    mapped = joblib.load(tmp_path / "estimator", mmap_mode="r")  # its arrays are read-only
    for other in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator), mapped):
        assert outputs(other, x).tobytes() == outputs(estimator, x).tobytes()
    with pytest.raises(NotFittedError):
        outputs(clone(estimator), x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [2, 3, 7])
@pytest.mark.parametrize("columns", [1, 4])
def test_few_rows_and_one_column_are_enough(kind, rows, columns):
    x, y = load_iris(return_X_y=True)
    x, y = x[::20][:rows, :columns], np.arange(rows) % 2
    assert len(outputs(kind(**TINY).fit(x, y), x)) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_numbers_of_a_run(kind):
    estimator, *_ = fitted(kind, settings={"lr_reconstruction": 2e-3, "prior_std": 2.0})
    assert estimator.model_.config.lr_reconstruction == 2e-3
    assert estimator.model_.config.prior_options == {"std": 2.0}
    assert fitted(kind, dtype="float32")[0].model_.networks["Q"].flat.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"epochs": 0}, "--epochs: 0 given"),
        ({"settings": {"vatt": 1}}, "did you mean vat"),
        ({"settings": {"mode": "vae"}}, "leave mode out"),
        ({"z": 1.5}, "z: 1.5"),
    ],
)
def test_parameters_are_checked_in_fit(kind, parameters, words):
    with pytest.raises(ValueError, match=words):
        fitted(kind, **parameters)


def test_estimators_work_in_pipelines_and_searches():
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), AAETransformer(**TINY), AAEClassifier(**TINY))
    assert cross_val_score(pipeline, x, y, cv=2).shape == (2,)
    search = GridSearchCV(AAEClassifier(**TINY), {"hidden": [(4,), (8, 8)], "settings": [None, {"vat": 1.0}]}, cv=2)
    assert 0 <= search.fit(x, y).best_score_ <= 1
    assert GridSearchCV(AAETransformer(**TINY), {"z": [1, 2]}, cv=2).fit(x).best_params_["z"] in (1, 2)


# AAEClassifier ---------------------------------------------------------------------------------------------------


def digits(labels=5):
    """Return digits to train on and to test with; `labels` of each class are known, and the others are −1."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=500, random_state=0, stratify=y)
    few = np.full(len(y), -1)
    for k in range(10):
        few[np.flatnonzero(y == k)[:labels]] = k
    return x, y, few, x_test, y_test


def test_unlabelled_rows_help_a_few_labels():
    x, y, few, x_test, y_test = digits()
    known = few >= 0
    with_all = AAEClassifier(epochs=20, random_state=0).fit(x, few).score(x_test, y_test)
    labelled_alone = AAEClassifier(epochs=200, random_state=0).fit(x[known], few[known]).score(x_test, y_test)
    clusterer = AAEClusterer(10, epochs=10, random_state=0).fit(x)
    names = np.array([np.argmax(np.bincount(y[clusterer.labels_ == k], minlength=10)) for k in range(10)])
    without = np.mean(names[clusterer.predict(x_test)] == y_test)
    assert with_all > 0.85
    assert with_all > labelled_alone + 0.04 and with_all > without + 0.04


def test_labels_are_names_and_minus_one_or_an_empty_word_is_none_of_them():
    x, y = load_iris(return_X_y=True)
    numbers = np.where(np.arange(150) % 3, -1, y * 5 + 2)
    words = np.where(np.arange(150) % 3, "", np.array(["a", "b", "c"])[y])
    mixed = np.where(np.arange(150) % 3, -1, np.array(["a", "b", "c"], object)[y])
    found = [AAEClassifier(**TINY).fit(x, labels) for labels in (numbers, words, mixed)]
    assert [each.classes_.tolist() for each in found] == [[2, 7, 12], ["a", "b", "c"], ["a", "b", "c"]]
    proba = [each.predict_proba(x) for each in found]
    assert proba[0].tobytes() == proba[1].tobytes() == proba[2].tobytes()
    np.testing.assert_allclose(proba[0].sum(axis=1), 1)
    assert set(found[0].predict(x)) <= {2, 7, 12}


def test_the_score_leaves_unlabelled_rows_out():
    classifier, x, y = fitted(AAEClassifier)
    few = np.where(np.arange(150) % 3, -1, y)
    assert classifier.score(x, few) == classifier.score(x[::3], y[::3])
    weight = np.arange(150)
    assert classifier.score(x, few, weight) == pytest.approx(classifier.score(x[::3], y[::3], weight[::3]))


@pytest.mark.parametrize(
    "y, words", [([1, -1] * 5, "1 class.*use 0 and 1"), ([-1] * 10, "0 class"), ([3] * 10, "1 cl")]
)
def test_fewer_than_two_classes_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        AAEClassifier(**TINY).fit(np.random.default_rng(0).normal(size=(10, 3)), y)


# AAEClusterer ----------------------------------------------------------------------------------------------------


def test_clusters_of_iris_are_numbered_by_size():
    x, y = load_iris(return_X_y=True)
    clusterer = AAEClusterer(3, random_state=0, hidden=(32, 32), epochs=60)
    labels = clusterer.fit_predict(x)
    assert adjusted_rand_score(y, labels) > 0.4
    assert np.array_equal(labels, clusterer.labels_) and np.array_equal(labels, clusterer.predict(x))
    sizes = np.bincount(labels)
    assert np.array_equal(sizes, -np.sort(-sizes))


def test_one_cluster_holds_every_row():
    clusterer, x, _ = fitted(AAEClusterer, n_clusters=1)
    assert set(clusterer.labels_) | set(clusterer.predict(x)) == {0}


# AAETransformer --------------------------------------------------------------------------------------------------


def test_rows_go_to_codes_and_back_in_their_units():
    x = load_breast_cancer().data
    transformer = AAETransformer(z=8, epochs=30, random_state=0).fit(x)
    codes, samples = transformer.transform(x), transformer.sample(2000, random_state=1)
    back = transformer.inverse_transform(codes)
    assert codes.shape == (569, 8) and back.shape == x.shape and samples.shape == (2000, 30)
    mean, std = x.mean(axis=0), x.std(axis=0)
    assert np.mean(((back - x) / std) ** 2) < 0.4
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 0.8 * std)
    assert samples.std() / x.std() == pytest.approx(1, abs=0.4)
    assert transformer.sample(3, random_state=1).tobytes() == transformer.sample(3, random_state=1).tobytes()
    assert transformer.get_feature_names_out().tolist() == [f"aaetransformer{k}" for k in range(8)]


@pytest.mark.parametrize("by", ["reconstruction", "density"])
def test_rows_of_another_class_have_lower_scores(by):
    x, y = load_breast_cancer(return_X_y=True)
    benign, malignant = x[y == 1], x[y == 0]
    transformer = AAETransformer(by=by, epochs=50, random_state=0).fit(benign[::2])
    new = np.concatenate([benign[1::2], malignant])
    is_benign = np.arange(len(new)) < len(benign[1::2])
    assert roc_auc_score(is_benign, transformer.score_samples(new)) >= 0.85
    assert transformer.score(benign[1::2]) > transformer.score(malignant)


@pytest.mark.parametrize("kind, scale", [("uint8", 255), ("float", 255), ("unit", 1)])
def test_images_come_back_in_the_scale_of_training(kind, scale):
    x = arrays()["x_train"].reshape(120, 36)
    x = {"uint8": x, "float": x.astype(float), "unit": x / 255}[kind]
    transformer = AAETransformer(**TINY | {"epochs": 20}, images=True).fit(x)
    back = transformer.inverse_transform(transformer.transform(x))
    assert back.min() >= 0 and 0.5 * scale < back.max() <= scale
    assert transformer.sample(50, random_state=0).mean() == pytest.approx(x.mean(), abs=0.2 * scale)


def test_pixels_of_another_scale_are_refused_with_a_hint():
    with pytest.raises(ValueError, match="divide by 16"):
        AAETransformer(**TINY, images=True).fit(load_digits().data)


# Pages and examples ----------------------------------------------------------------------------------------------


def test_the_code_of_the_guide_runs():
    page = (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- tests/integration/test_sklearn.py[^>]*-->\n```python\n(.*?)```", page, re.S)
    found = {"__name__": "guide"}
    exec(compile(code, "guide.md", "exec"), found)
    assert found["accuracy"] > 0.85 and len(np.unique(found["clusters"])) > 5
    assert found["images"].shape == found["x_test"].shape and found["generated"].shape == (16, 64)


def test_the_example_of_a_table_separates_the_classes_and_draws_two_pictures(tmp_path, capsys):
    import own_table

    own_table.main(["--epochs", "30", "--seeds", "1", "--out", str(tmp_path)])
    first, mean, *paths = capsys.readouterr().out.splitlines()
    assert first.startswith("seed 0: AUC") and mean.startswith("mean:")
    assert min(float(re.search(rf"{by} (\d\.\d+)", mean)[1]) for by in ("reconstruction", "density")) > 0.85
    assert paths == [str(tmp_path / "codes.png"), str(tmp_path / "columns.png")]
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("codes.png", "columns.png"))
