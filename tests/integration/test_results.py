"""The table of results says what the files say, and no more."""

import json
import shlex
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import results.__main__ as results
from results import beyond, curves, keep, trials
from results.experiments import EXPERIMENTS, HEADLINES
from tinyaae import data
from tinyaae.config import Config
from tinyaae.data import unit_interval

HERE = results.HERE


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "HERE", tmp_path)
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    monkeypatch.setattr(results, "FRONT", tmp_path / "FRONT.md")
    (tmp_path / "FRONT.md").write_text("before\n" + "".join(results.MARKS) + "after\n")
    return tmp_path


def add_run(here, name, seed, condition_on_y=True, **found):
    folder = here / name / f"seed-{seed}"
    folder.mkdir(parents=True)
    config = {
        "mode": "semi-supervised" if name.startswith("semi") else "clustering",
        "condition_on_y": condition_on_y,
        "epochs": 3,
        "hidden": [8, 8],
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "result.json").write_text(json.dumps({"seed": seed, "seconds": 120, "machine": "m", **found}))


def test_the_committed_table_agrees_with_the_committed_files():
    assert results.README.read_text(encoding="utf-8") == results.table()
    assert results.FRONT.read_text(encoding="utf-8") == results.front()


def test_a_row_without_runs_says_not_run(here):
    named = sum(bool(name) for pair in HEADLINES.values() for name in pair)
    assert results.table().count("not run |") == len(EXPERIMENTS) + named


def test_a_row_gives_mean_and_standard_deviation_over_seeds(here):
    for seed, error in enumerate((0.01, 0.02, 0.03)):
        add_run(here, "semi-supervised-100", seed, test_error=error)
    assert "| **2.00 ± 1.00** | 0, 1, 2 | 3 | 8-8 | 2 | m |" in results.table()


def test_the_short_table_names_one_row_for_each_experiment_of_the_paper(here):
    for seed, error in enumerate((0.01, 0.02, 0.03)):
        add_run(here, HEADLINES["clustering-30"][1], seed, cluster_error=error)
    plain, ours = HEADLINES["clustering-30"]
    row = f"4.10 ± 1.13 | not run | **2.00 ± 1.00**, 3 seeds | `{plain}`, `{ours}` |"
    assert results.main(["table"]) == 0
    before, short, after = results.FRONT.read_text().replace(results.MARKS[1], results.MARKS[0]).split(results.MARKS[0])
    assert (before, after) == ("before\n", "after\n")
    assert row in short and short in results.README.read_text()
    assert short.count("not run |") == sum(bool(name) for pair in HEADLINES.values() for name in pair) - 1


def test_the_tables_say_where_d_gauss_does_not_read_y(here):
    plain, ours = HEADLINES["semi-supervised-1000"]
    add_run(here, plain, 0, test_error=0.01)
    add_run(here, ours, 0, condition_on_y=False, test_error=0.02)
    assert "| **1.00**, 1 seed | **2.00**, z judged alone, 1 seed |" in results.table()
    assert "| **2.00**, z judged alone | 0 |" in results.table()


@pytest.mark.parametrize("base, name", [(base, name) for base, pair in HEADLINES.items() for name in pair if name])
def test_a_row_of_the_short_table_is_about_what_its_experiment_is_about(base, name):
    ours, theirs = EXPERIMENTS[name], EXPERIMENTS[base]
    assert (ours.key, ours.paper, ours.public) == (theirs.key, theirs.paper, theirs.public)
    assert ours.title.startswith(theirs.title)


def test_an_ablation_is_a_row_of_its_own_table(here):
    add_run(here, "ablation-balance", 0, cluster_error=0.3, cluster_error_majority=0.2, clusters_used=28)
    paper, extras = results.table().split("## Clustering extras")
    row = "| `--extra balance=1` (record of 7358c58) | 28 | 30.00 | **20.00** | 0 | 3 | 8-8 | 2 | m |"
    assert "ablation" not in paper and row in extras.split("## Seed by seed")[0]
    assert extras.count("not run") == sum(name.startswith("ablation-") for name in EXPERIMENTS) - 1


def test_a_likelihood_is_no_percentage(here):
    add_run(here, "likelihood", 0, log_likelihood=377.46)
    assert "| **377.5** | 0 |" in results.table()


def test_check_fails_when_a_file_changes(here):
    assert results.main(["table"]) == 0
    assert results.main(["check"]) == 0
    add_run(here, "clustering-16", 0, cluster_error=0.1)
    assert results.main(["check"]) == 1


@pytest.mark.parametrize("name", [name for name, experiment in EXPERIMENTS.items() if not experiment.record])
def test_the_flags_of_an_experiment_are_flags_that_its_mode_takes(name):
    from tinyaae import cli

    flags = vars(cli.parser().parse_args(shlex.split(EXPERIMENTS[name].flags)))
    assert Config.of(**{flag: value for flag, value in flags.items() if value is not None})


@pytest.mark.parametrize(
    "file",
    sorted(file for file in HERE.glob("*/seed-*/config.json") if not EXPERIMENTS[file.parts[-3]].record),
    ids=lambda file: "/".join(file.parts[-3:-1]),
)
def test_a_committed_run_was_made_by_the_command_that_the_table_gives(file):
    from tinyaae import cli

    made = Config.from_json(file.read_text(), file)
    line = [*shlex.split(EXPERIMENTS[file.parts[-3]].flags), "--seed", file.parts[-2][5:]]
    flags = vars(cli.parser().parse_args(line))
    asked = Config.of(**{flag: value for flag, value in flags.items() if value is not None})
    filled_in = ("preset", "revision", "backend", "threads", "ranks", "data_name", "data_digest")
    assert made == replace(asked, **{name: getattr(made, name) for name in filled_in})


@pytest.mark.parametrize("name", [name for name, experiment in EXPERIMENTS.items() if experiment.record])
def test_a_record_says_its_commit_in_the_table_and_is_not_run_again(name, capsys):
    experiment = EXPERIMENTS[name]
    assert results.runs_of(name) and f"| {experiment.title} (record of {experiment.record}) |" in results.table()
    assert results.main(["run", name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"{name}: a record; check out commit {experiment.record} to run it; expected one of semi-supervised-"
    )
    assert not any(known in line for known in ("repulsion,", "balance,"))


def test_the_name_of_no_experiment_is_refused_in_one_line(capsys):
    assert results.main(["run", "clustering-3"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("clustering-3: no experiment; expected one of ")


def test_seeds_are_ranges_or_lists():
    assert results.seeds("0-2") == [0, 1, 2]
    assert results.seeds("3,5-6") == [3, 5, 6]


def test_mistaken_seeds_are_refused_in_one_line(here, capsys):
    with pytest.raises(SystemExit) as stop:
        results.main(["run", "likelihood", "--seeds", "x"])
    assert stop.value.code == 2 and "'x' given, expected seeds such as 0-4" in capsys.readouterr().err


@pytest.fixture
def calls(here, monkeypatch):
    """The commands of run_mnist.py that are run; each leaves the result.json that it would."""
    made = []

    def call(line, **options):
        made.append(line[2:])
        if "--out" in line:
            add_run(here, *line[line.index("--out") + 1].split("/")[-2:], log_likelihood=300.0)
        return 0

    def add_run(here, name, folder, **found):
        (here / name / folder).mkdir(parents=True)
        (here / name / folder / "result.json").write_text(json.dumps(found))

    monkeypatch.setattr(results.subprocess, "call", call)
    return made


def test_ten_million_samples_are_drawn_from_the_run_of_the_likelihood(here, calls):
    assert results.main(["run", "likelihood-10m", "--seeds", "3"]) == 0
    folder = str(here / "likelihood" / "seed-3")
    train, evaluate = calls
    assert train[:2] == ["--mode", "aae"] and train[-2:] == ["--out", folder]
    assert evaluate == ["--evaluate", folder, "--samples", "10000000"]


def test_what_is_there_is_not_run_again(here, calls, capsys):
    add_run(here, "likelihood", 0, log_likelihood=300.0)
    assert results.main(["run", "likelihood", "--seeds", "0"]) == 0
    assert calls == [] and "seed-0: finished" in capsys.readouterr().out
    results.main(["run", "likelihood-10m", "--seeds", "0"])
    assert len(calls) == 1 and "finished" not in capsys.readouterr().out


def test_run_says_where_its_log_is_and_how_it_ended(here, monkeypatch, capsys):
    def fail(line, stdout, **options):
        stdout.write("started\nrun_mnist.py: no disk\n")
        return 2

    monkeypatch.setattr(results.subprocess, "call", fail)
    assert results.main(["run", "likelihood", "--seeds", "3"]) == 2
    begin, end = capsys.readouterr().out.splitlines()
    assert begin == f"likelihood, seed 3: follow it in {here / 'likelihood' / 'seed-3.log'}"
    assert end == "likelihood, seed 3: status 2; run_mnist.py: no disk"


def test_finished_run_without_what_the_row_is_about_is_reported(here, calls, capsys):
    add_run(here, "likelihood-6d", 0, log_likelihood=300.0)
    assert results.main(["run", "likelihood-6d-picked", "--seeds", "0"]) == 1
    assert calls == [] and "has no log_likelihood_resampled" in capsys.readouterr().out


def test_rows_of_the_same_runs_each_have_their_own_key(here):
    add_run(here, "likelihood", 0, log_likelihood=377.5)
    add_run(here, "likelihood", 1, log_likelihood=370.1, log_likelihood_10m=430.25)
    assert "| **373.8 ± 5.2** | 0, 1 |" in results.table()
    assert "| **430.2** | 1 |" in results.table()
    assert "`--evaluate RUN --samples 10000000`" in results.table()


# Trials


def test_a_trial_reads_no_test_image(monkeypatch):
    """The test images are NaN here: whatever reads them, shows it."""
    mnist = data.load_mnist()
    train = slice(0, 1200)
    poisoned = mnist._replace(
        x_train=unit_interval(mnist.x_train[train]), y_train=mnist.y_train[train],
        x_test=np.full((10, 784), np.nan, np.float32), y_test=np.zeros(10, int),
    )  # fmt: skip
    monkeypatch.setattr(data, "load_mnist", lambda: poisoned)
    line = trials.trial("--epochs 1 --hidden 8 --labels 10", 10, "numpy")
    assert 0 < line["validation_error"] < 1 and np.isfinite(line["reconstruction_error"])
    assert {"style_spread", "judge_accuracy", "seed", "flags", "date", "commit"} <= line.keys()
    assert "test_error" not in line


def test_a_trial_on_a_seed_of_the_rows_is_refused(capsys):
    assert results.main(["try", "--epochs 1", "--seeds", "3-10"]) == 2
    assert "--seeds: 3 is a seed of the rows" in capsys.readouterr().err


def test_a_trial_is_a_line_of_the_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trials, "LOG", tmp_path / "trials.jsonl")
    monkeypatch.setattr(trials, "trial", lambda flags, seed, backend: {"flags": flags, "seed": seed})
    for seed in (10, 11):
        assert trials.main(["--z 8", str(seed), "numpy"]) == 0
    kept = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert kept == [{"flags": "--z 8", "seed": 10}, {"flags": "--z 8", "seed": 11}]


def test_the_log_of_trials_has_no_seed_of_the_rows():
    for line in trials.LOG.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["seed"] not in trials.RESERVED


FLAGS = "--mode supervised --hidden 8 --epochs 1 --seed 3"


@pytest.fixture
def run_to_keep(tmp_path, monkeypatch):
    """A small finished run on two thousand images of MNIST, called "kept"; the package is an empty folder."""
    from tinyaae import cli, figures
    from tinyaae.training import pretrained

    x_train, y_train, x_test, y_test = (part[:2000] for part in data.load_mnist()[1:5])
    small = data.load_mnist()._replace(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    monkeypatch.setattr(data, "load_mnist", lambda: small)
    monkeypatch.setattr(figures, "draw_all", lambda *given: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "HERE", tmp_path)
    monkeypatch.setattr(keep, "MODELS", {"kept": keep.Kept(FLAGS, key="reconstruction_error")})
    assert cli.main([*shlex.split(FLAGS), "--out", "run", "--quiet"]) == 0
    return tmp_path / "run"


@pytest.mark.slow
def test_a_finished_run_is_kept_with_its_numbers_before_and_after_quantization(run_to_keep):
    from tinyaae import load
    from tinyaae.training.pretrained import open_run

    assert results.main(["keep", "run", "kept"]) == 0
    result, before = (open_run(name).result() for name in ("kept", "run"))
    assert result["before_quantization"].items() <= before.items() and "log_likelihood" not in result
    change = result["reconstruction_error"] / before["reconstruction_error"]
    assert change == pytest.approx(1, rel=0.05) and change != 1
    assert load("kept").config.hidden == (8, 8)
    assert "| `kept` | none |" in "\n".join(keep.lines())


@pytest.mark.slow
def test_a_run_of_other_flags_or_an_unfinished_one_is_not_kept(run_to_keep, monkeypatch, capsys):
    monkeypatch.setattr(keep, "MODELS", {"kept": keep.Kept(f"{FLAGS} --z 7")})
    assert results.main(["keep", "run", "kept"]) == 2
    line = f"keep: run: z is 5, expected 7, as python run_mnist.py {FLAGS} --z 7 makes it"
    assert capsys.readouterr().err.splitlines() == [line]
    (run_to_keep / "result.json").unlink()
    assert results.main(["keep", "run", "kept"]) == 2
    assert "run: not finished; " in capsys.readouterr().err
    assert not list(run_to_keep.parent.glob("*.npz"))


def test_a_cluster_has_the_most_frequent_label_of_its_rows_and_an_empty_one_that_of_all():
    clusters, labels = np.array([0, 0, 0, 2, 2]), np.array([1, 1, 0, 3, 3])
    assert beyond.named(clusters, labels, 4).tolist() == [1, 1, 3, 1]


def test_the_picture_of_the_length_is_drawn_from_the_committed_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "PICTURE", tmp_path / "length.png")
    curves.run()
    assert plt.imread(tmp_path / "length.png").std() > 0.01
    plt.close("all")


@pytest.mark.parametrize("name", [row for rows in curves.PANELS.values() for row in rows])
def test_a_curve_has_an_error_for_each_epoch(name):
    files = list(HERE.glob(f"{name}/seed-*/metrics.csv"))
    assert files
    for file in files:
        epochs = json.loads(file.with_name("config.json").read_text())["epochs"]
        errors = curves.validation_errors(file)
        assert len(errors) == epochs and all(0 < error < 1 for error in errors)
