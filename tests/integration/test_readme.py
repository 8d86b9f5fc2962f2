"""The README is held to what it says: its example is run, its map of files counted, its test line found."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tinyaae.config.modes import MODES

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def numbers(text):
    return [float(number) for number in re.findall(r"\d+\.?\d*", text)]


@pytest.mark.slow
def test_the_example_prints_what_the_readme_says():
    code, expected = re.search(
        r"```python\n(from tinyaae import Backend.*?)```\n```text\n(.*?)```", README, re.S
    ).groups()
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    # other numbers of threads and other processors round differently, and 200 steps of a game amplify it
    assert numbers(printed.getvalue()) == pytest.approx(numbers(expected), rel=0.1, abs=0.03)


def test_every_mode_is_in_the_table_of_phases():
    assert set(MODES) == set(re.findall(r"^\| `([a-z][a-z-]*)` \|", README, re.M))


@pytest.mark.parametrize("page", ["README.md", "results/README.md"])
def test_every_picture_of_a_page_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures and all(((ROOT / page).parent / picture).is_file() for picture in pictures)
