"""Every lesson runs from top to bottom, and importing it runs nothing."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from lessons import catalogue

ROOT = Path(__file__).parent.parent.parent
every_lesson = pytest.mark.parametrize("lesson", catalogue.lessons(), ids=lambda lesson: lesson.path.stem)


@pytest.mark.slow
@every_lesson
def test_a_lesson_runs_and_draws_its_picture(lesson, tmp_path):
    environment = os.environ | {"LESSONS_SHORT": "1", "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, str(lesson.path)], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    pictures = list((tmp_path / "pictures").glob(f"lesson_{lesson.number:02d}*.png"))
    assert pictures
    for picture in pictures:
        assert plt.imread(picture).std() > 0.01, f"{picture.name} is blank"
        assert "The picture: " in done.stdout and picture.name in done.stdout


@every_lesson
def test_every_lesson_says_how_long_how_hard_its_one_idea_and_what_to_take_along(lesson):
    text = catalogue.read(lesson.path)
    title, length = r"# %% \[markdown\]\n# # \d+\. .+\n#\n", r"# \*About \d+ minutes; difficulty [1-5] of 5\.\*\n#\n"
    assert re.match(title + length + r"# \*\*The one idea\.\*\* ", text)
    closing = text.partition("# ## What to take with you\n#\n")[2]
    assert 2 <= closing.count("# * ") <= 5


@every_lesson
def test_hints_of_the_usual_exercise_tell_no_other_variant(lesson):
    words = {"temperature", "nesterov", "softplus", "swish", "city-block", "minimax", "prior n(0, s²)", "have weights"}
    for exercise in lesson.exercises:
        assert not [word for word in words for hint in exercise.hints if word in hint.lower()]


@every_lesson
def test_after_its_last_picture_a_lesson_says_what_to_see_and_why(lesson):
    after = " ".join(catalogue.read(lesson.path).rpartition("savefig(")[2].replace("\n#", " ").split())
    assert "You should see" in after and "because" in after


@every_lesson
def test_importing_a_lesson_runs_nothing(lesson, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    figures = plt.get_fignums()
    catalogue.run_file(lesson.path, lesson.module_name)
    assert capsys.readouterr() == ("", "")
    assert plt.get_fignums() == figures
    assert not list(tmp_path.iterdir())


@every_lesson
def test_a_cell_that_names_what_a_students_copy_lacks_says_where_it_is(lesson):
    for cell in catalogue.read(lesson.path).split("# %%"):
        if re.search(r"run_mnist\.py|python -m (results|benchmarks)|\btests/|pip install -e", cell):
            assert "in the repository" in " ".join(cell.replace("\n#", " ").split()).lower(), cell


@every_lesson
def test_a_lesson_needs_only_the_library_and_what_comes_with_it(lesson):
    """So that it is also a notebook, which may be opened anywhere."""
    names = set()
    for node in ast.walk(ast.parse(catalogue.read(lesson.path))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add("relative" if node.level else node.module.partition(".")[0])
    assert names <= {"numpy", "matplotlib", "tinyaae", *sys.stdlib_module_names}
