"""Modes and priors of one's own from the command line: `--import FILE` runs the file, and nothing else ever does."""

import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest
from tiny import REPOSITORY, refusal, write_npz

import tinyaae
from tinyaae import cli, figures
from tinyaae.config import imports, modes, priors
from tinyaae.config.modes import MODES
from tinyaae.config.priors import PRIORS

MINE = '''
import tinyaae
from tinyaae.priors import Prior


@tinyaae.prior("shifted")
class Shifted(Prior):
    """N(by, 1)."""

    def __init__(self, d, by=1.0):
        super().__init__(d)
        self.by = by

    def sample(self, n, ctx, labels=None):
        return self.by + ctx.normal((n, self.d))


@tinyaae.mode("mine", like="aae")
def mine(make):
    """My own mode."""
    q, p = make.encoder(), make.decoder()
    return [q, p], [make.reconstruction(q, p)]
'''
TINY = ["--data", "data.npz", "--hidden", "8,7", "--epochs", "1", "--batch-size", "10"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in an empty folder with the tiny data.npz and mine.py; forget afterwards what was registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(figures, "draw_all", lambda model, dataset, folder, found=None, everything=False: ["none.png"])
    write_npz(tmp_path / "data.npz")
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    yield tmp_path
    forget()


def forget():
    """Be as a process that has imported no file."""
    for name in ("mine", "bad"):
        sys.modules.pop(name, None)
    imports.IMPORTED.clear()
    for name in MODES.keys() - modes.BUILT_IN:
        del MODES[name]
    for name in PRIORS.keys() - priors.BUILT_IN:
        del PRIORS[name]


@pytest.fixture
def command(capsys):
    """Return a function that runs `tinyaae` as a process that has imported nothing: words -> status, stdout, stderr."""

    def run(*words):
        forget()
        try:
            status = cli.verbs([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def run_of_mine(command):
    """The folder of a finished run of mode mine with prior shifted."""
    line = ["train", "--import", "mine.py", "--mode", "mine", "--prior", "shifted", "--set", "prior_by=2", *TINY]
    assert command(*line, "--out", "run", "--quiet")[::2] == (0, "")
    return "run"


def one_line(answer):
    """Return the line on stderr of a command that refused."""
    status, _, err = answer
    assert status == 2 and len(err.splitlines()) == 1, answer
    return err


def test_an_imported_mode_and_prior_train_from_the_command_line(run_of_mine, here):
    config = json.loads((here / "run" / "config.json").read_text())
    assert (config["mode"], config["prior"], config["prior_options"]) == ("mine", "shifted", {"by": 2})


def test_config_json_does_not_name_the_imported_file(run_of_mine, here):
    assert "mine.py" not in (here / "run" / "config.json").read_text()


@pytest.mark.parametrize("verb", ["resume", "evaluate", "draw"])
def test_the_verbs_take_the_import(command, run_of_mine, verb):
    assert command(verb, run_of_mine, "--import", "mine.py")[::2] == (0, "")


def test_compare_takes_the_import(command, run_of_mine, here):
    assert command("compare", run_of_mine, run_of_mine, "--import", "mine.py")[::2] == (0, "")
    assert (here / "side_by_side.png").exists()


def test_modes_and_help_list_the_imported_mode(command):
    assert "    mine               My own mode.\n" in command("modes", "--import", "mine.py")[1]
    assert "My own mode." in command("train", "--import", "mine.py", "--help")[1]
    assert "mine" not in command("modes")[1]


def test_a_file_that_is_imported_twice_runs_once(command, here):
    (here / "mine.py").write_text(MINE + "\nprint('running')\n", encoding="utf-8")
    assert command("modes", "--import", "mine.py", "--import", "./mine.py")[1].count("running") == 1


def test_an_imported_file_can_import_its_neighbour(command, here):
    (here / "neighbour_of_mine.py").write_text("NAME = 'mine'\n", encoding="utf-8")
    (here / "mine.py").write_text(MINE.replace("import tinyaae\n", "import tinyaae\nimport neighbour_of_mine\n", 1))
    assert command("modes", "--import", "mine.py")[0] == 0


@pytest.mark.parametrize("verb", ["resume", "evaluate", "draw", "compare"])
def test_a_run_whose_mode_is_not_registered_asks_for_the_import(command, run_of_mine, verb):
    said = one_line(command(verb, run_of_mine))
    assert "there is no mode 'mine' here; --import the file that registers it" in said


def test_load_of_a_run_whose_mode_is_not_registered_says_what_to_import(run_of_mine):
    forget()
    assert "in Python import that file before tinyaae.load" in refusal(tinyaae.load, run_of_mine)


def test_load_of_a_run_whose_prior_is_not_registered_names_the_prior(run_of_mine):
    del PRIORS["shifted"]
    assert "there is no prior 'shifted' here" in refusal(tinyaae.load, run_of_mine)


def test_training_an_unknown_mode_mentions_the_import(command):
    assert "or --import FILE for your own" in one_line(command("train", "--mode", "mine", *TINY))


BROKEN = {
    "x = (": "--import bad.py, line 1: SyntaxError",
    "import tinyaae\n\n1/0": "--import bad.py, line 3: ZeroDivisionError: division by zero",
    "raise ValueError('one\\ntwo')": "--import bad.py, line 1: ValueError: one two",
    "raise SystemExit(0)": "--import bad.py, line 1: SystemExit: 0",
    "import no_such_module": "--import bad.py, line 1: ModuleNotFoundError",
    "import tinyaae\ntinyaae.mode('x', like='aea')": "line 2: mode 'x': like 'aea' given, expected one of",
    "import tinyaae\ntinyaae.mode('aae', like='aae')": "line 2: mode 'aae': the package has a mode of this name",
    "import tinyaae\ntinyaae.prior('gamma')(int)": "line 2: prior 'gamma': the package has a prior of this name",
    "import tinyaae\ntinyaae.prior('x')(int)": "line 2: prior 'x': <class 'int'> given, expected a subclass",
    "\0": "--import bad.py",
}  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_an_error_in_the_imported_file_is_one_line_with_its_number(command, here, text):
    (here / "bad.py").write_text(text, encoding="utf-8")
    assert BROKEN[text] in one_line(command("train", "--import", "bad.py", *TINY))
    assert not (here / "runs").exists()


@pytest.mark.parametrize("name", ["nothing.py", ".", "", "a\0b", "~nobody/mine.py"])
def test_a_file_that_cannot_be_read_is_refused(command, name):
    assert "cannot be read" in one_line(command("train", "--import", name, *TINY))


def test_an_error_of_an_imported_recipe_is_one_line_and_leaves_no_folder(command, here):
    (here / "bad.py").write_text(MINE.replace("make.encoder()", "make.encode()"), encoding="utf-8")
    said = one_line(command("train", "--import", "bad.py", "--mode", "mine", *TINY))
    assert "bad.py, line 21: AttributeError: 'Builder' object has no attribute 'encode'" in said
    assert not (here / "runs").exists()


def test_an_error_of_the_package_itself_is_not_blamed_on_the_imported_file(command, monkeypatch):
    monkeypatch.setattr(cli, "start", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("train", "--import", "mine.py", *TINY)


def test_a_prior_whose_option_has_no_default_is_refused():
    class Needy(tinyaae.priors.Prior):
        def __init__(self, d, by):
            super().__init__(d)

    assert "Needy(d, by) given, expected Needy(d)" in refusal(tinyaae.prior("needy"), Needy)


HOSTILE = ["evil", "evil.py", "./evil.py", "evil:Evil", "evil.Evil", "__import__('evil')", "../x/evil"]


@pytest.mark.parametrize("field", ["mode", "prior", "preset", "backend", "optimizer", "posterior", "revision", "data"])
@pytest.mark.parametrize("verb", ["resume", "evaluate", "draw", "load"])
def test_a_hostile_config_imports_nothing(command, run_of_mine, here, monkeypatch, verb, field):
    (here / "evil.py").write_text("open('evil was here', 'w').close()\n", encoding="utf-8")
    monkeypatch.syspath_prepend(here)
    config = json.loads((here / "run" / "config.json").read_text())
    for value in HOSTILE:
        (here / "run" / "config.json").write_text(json.dumps(config | {field: value}))
        if verb == "load":
            with suppress(tinyaae.UserError):
                tinyaae.load("run")
        else:
            command(verb, "run")
    assert "evil" not in sys.modules and not (here / "evil was here").exists()


def test_the_installed_program_takes_the_import(here):
    """Once as a process of its own: no module of the tests is there."""
    line = [sys.executable, "-m", "tinyaae", "train", "--import", "mine.py", "--mode", "mine", *TINY, "--out", "run"]
    job = subprocess.run(line, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert (job.returncode, job.stderr) == (0, "")
    assert "\nmine, quick preset" in job.stdout
