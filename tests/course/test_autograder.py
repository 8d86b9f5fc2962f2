"""The autograder in a tree like Gradescope's: what setup.sh and run_autograder make of four submissions.

AUTOGRADER_PYTHON is another Python to run it with, such as the container's 3.10; it needs NumPy, Matplotlib and tqdm.
"""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lessons.catalogue import HERE
from lessons.instructor import course as courses
from lessons.instructor import release
from lessons.instructor.autograder import autograder
from tinyaae.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the container is Linux")
PYTHON = os.environ.get("AUTOGRADER_PYTHON", sys.executable)
LESSON = "lesson_01_linear.py"
HALF = """
def linear_backward(dy, x, W):
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)
"""
HOSTILE = """
def linear_forward(*_):
    os._exit(0)


def linear_backward(*_):
    for name in ("results/results.json", "source/lessons/test_01_linear.py", "source/lessons/instructor/variants.py"):
        try:
            with open("ROOT/" + name, "r+") as file:
                print("READ", file.read())
                file.write('{"score": 100}')
        except OSError:
            pass


def compare_with_differences(*_):
    import lessons.checking
"""


@pytest.fixture(scope="module")
def course():
    return courses.load(HERE / "instructor" / "course.toml", lessons=[1])


@pytest.fixture(scope="module")
def archive(course, tmp_path_factory):
    return autograder(tmp_path_factory.mktemp("zip") / "autograder.zip", course, prove=False)


@pytest.fixture(scope="module")
def root(archive, tmp_path_factory):
    """An /autograder as it is after the container is built."""
    root = tmp_path_factory.mktemp("autograder")
    for name in ("source", "submission", "results", "bin"):
        (root / name).mkdir()
    (root / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
    (root / "bin" / "python3").chmod(0o755)
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            Path(file.extract(info, root / "source")).chmod(info.external_attr >> 16)
    (root / "source" / "run_autograder").rename(root / "run_autograder")
    called(root, "source/setup.sh")
    return root


def called(root, script):
    environment = {"PATH": f"{root / 'bin'}:{os.environ['PATH']}", "AUTOGRADER_ROOT": str(root)}
    done = subprocess.run([root / script], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def graded(root):
    """A function that hands in a lesson's text, or nothing, and returns the results."""

    def graded(text):
        (root / "submission" / LESSON).unlink(missing_ok=True)
        if text is not None:
            (root / "submission" / LESSON).write_text(text, encoding="utf-8")
        called(root, "run_autograder")
        return json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))

    return graded


@pytest.fixture(scope="module")
def solved(course):
    return release.full_texts(course)[LESSON]


@pytest.fixture
def unsolved(root):
    return (root / "source" / "lessons" / LESSON).read_text(encoding="utf-8")


def test_a_perfect_submission_has_all_points(graded, solved):
    results = graded(solved)
    assert results["score"] == 4, results
    assert all(test["status"] == "passed" for test in results["tests"])


def test_an_empty_submission_has_none(graded):
    assert graded(None)["score"] == 0


def test_a_half_right_submission_has_half(graded, unsolved):
    assert graded(unsolved + HALF)["score"] == 2


def test_a_hostile_submission_has_none_and_learns_nothing(graded, unsolved, root):
    results = graded(unsolved + HOSTILE.replace("ROOT", str(root)))
    assert results["score"] == 0
    if "it can read the solutions or the results" not in results["extra_data"]["missing protections"]:
        assert "READ" not in json.dumps(results)


def test_it_holds_no_solution_and_no_data(archive, solved):
    with zipfile.ZipFile(archive) as file:
        texts = {name: file.read(name).decode() for name in file.namelist()}
    assert "    return x @ W + b\n" in solved
    assert "    return x @ W + b\n" not in texts[f"lessons/{LESSON}"]
    assert not any(name.endswith(".gz") or "__pycache__" in name for name in texts)
    assert archive.stat().st_size < 2**20


def test_its_scripts_can_be_executed_and_have_unix_line_ends(archive):
    with zipfile.ZipFile(archive) as file:
        for name in ("setup.sh", "run_autograder"):
            assert (file.getinfo(name).external_attr >> 16) & stat.S_IXUSR and b"\r" not in file.read(name)


def test_it_is_written_only_where_there_is_a_folder(course, tmp_path):
    with pytest.raises(UserError, match="in a folder that exists"):
        autograder(tmp_path / "no" / "such.zip", course)
