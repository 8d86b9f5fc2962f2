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
from lessons.instructor import variants

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
def test_each_picture_that_a_lesson_draws_is_kept_for_comparison(lesson):
    drawn = re.findall(r'savefig\("pictures/(\w+\.png)"', catalogue.read(lesson.path))
    assert [path.name for path in catalogue.expected_pictures(lesson)] == sorted(drawn) != []


EVERY_VARIANT = [
    (lesson, {e.number: v}) for lesson in catalogue.lessons() for e in lesson.exercises for v in e.variants
]


def in_variants(lesson, wanted):
    """Return the text of a lesson in the variants `wanted`, and in those that belong to them."""
    for pair in variants.TOGETHER:
        if set(pair) & set(wanted):
            wanted = dict.fromkeys(pair, *wanted.values())
    texts = {path.name: catalogue.read(path) for path in (lesson.path, lesson.checks)}
    return variants.applied(texts, wanted)[lesson.path.name]


@pytest.mark.slow
@pytest.mark.parametrize("lesson, wanted", EVERY_VARIANT, ids=lambda value: str(getattr(value, "number", value)))
def test_a_lesson_agrees_with_itself_in_a_variant(lesson, wanted, tmp_path):
    """Its own gradient checks pass, and each cell runs on what the cells before it define."""
    path = tmp_path / lesson.path.name
    path.write_text(in_variants(lesson, wanted), encoding="utf-8")
    environment = os.environ | {"LESSONS_SHORT": "1", "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, path], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


# What a lesson says of its usual exercise, and a variant makes untrue.
USUAL_ONLY = {
    "2.2": ["keep the size.)", "straight pieces", "pieces with corners"],
    "3.1": ["a factor of ten apart", "below 0.6"],
    "3.2": ["a factor of ten apart", "below 0.6"],
    "4.1": ["never into a gap", "14 to 29 %", "three to four times"],
    "4.3": ["never into a gap", "14 to 29 %", "three to four times"],
    "5.3": [r"$\sigma = 1$, where the cloud is the prior"],
    "6.2": ["goes down $L_G$"],
    "9.2": [r"\sigma/2$ carried"],
    "10.3": ["one row a digit, one column a style"],
    "13.2": ["standard error {", "s.d."],
    "15.1": ["take 3, 3, 2 and 2"],
}


@pytest.mark.parametrize("lesson, wanted", EVERY_VARIANT, ids=lambda value: str(getattr(value, "number", value)))
def test_in_a_variant_a_lesson_says_nothing_that_is_true_of_the_usual_exercise_only(lesson, wanted):
    usual = " ".join(catalogue.read(lesson.path).replace("\n#", " ").split())
    varied = " ".join(in_variants(lesson, wanted).replace("\n#", " ").split())
    assert varied != usual
    for says in USUAL_ONLY.get(*wanted, []):
        assert says in usual and says not in varied


@every_lesson
def test_all_variants_of_a_lesson_can_be_chosen_together(lesson):
    wanted = {exercise.number: list(exercise.variants)[-1] for exercise in lesson.exercises if exercise.variants}
    texts = {path.name: catalogue.read(path) for path in (lesson.path, lesson.checks)}
    assert variants.applied(texts, wanted) != texts or not wanted


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
