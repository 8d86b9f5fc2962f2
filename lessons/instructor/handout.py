"""What a handout holds beside the lessons: a page to begin with, and the library as a wheel.

So a student needs no repository, and does not see one: the solutions are in there.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tinyaae
from lessons.catalogue import HERE, read
from tinyaae.errors import UserError

PAGE = Path(__file__).with_name("handout.md")
SHARED = ("The verbs", "When all exercises of a lesson are solved")  # sections of the page for those who learn alone
SOURCES = ("pyproject.toml", "README.md", "LICENSE")  # what pip needs beside the package
SETUPTOOLS = 77  # the least that pyproject.toml asks for


def page(course, lessons, wheel):
    """Return the text of the handout's README; `lessons` are the `Lesson`s of the copy, `wheel` is a file name."""
    first = lessons[0]
    text = read(PAGE).format(
        title=course.title,
        count="One lesson" if len(lessons) == 1 else f"{len(lessons)} lessons",
        lessons="\n".join(f"* {lesson.number}. {lesson.title}: `lessons/{lesson.path.name}`" for lesson in lessons),
        wheel=wheel,
        file=first.path.name,
        first=first.exercises[0].number,
    )
    return "\n\n".join(part.strip() for part in [text, *map(section, SHARED)]) + "\n"


def section(title):
    """Return a section of the page for those who learn alone, without the lines about solutions."""
    found = re.search(rf"^## {title}\n.*?(?=^## |\Z)", read(HERE / "README.md"), re.M | re.S)
    if not found:
        raise UserError(f"lessons/README.md: there is no section {title!r}, which a handout repeats; was it renamed?")
    return "".join(line for line in found[0].splitlines(keepends=True) if "lessons solution" not in line)


def wheel(folder, repository=HERE.parent):
    """Have pip make a wheel of the library, and of nothing else, in `folder`; return its `Path`."""
    with tempfile.TemporaryDirectory(prefix="tinyaae-") as source:
        for name in SOURCES:
            shutil.copyfile(repository / name, Path(source) / name)
        unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(Path(tinyaae.__file__).parent, Path(source) / "tinyaae", ignore=unwanted)
        run = pip("wheel", "--no-deps", "--quiet", *isolation(), "--wheel-dir", str(folder), source)
    made = list(Path(folder).glob("tinyaae-*.whl"))
    if run.returncode or len(made) != 1:
        lines = [line for line in run.stderr.splitlines() if line.strip()] or [f"exit status {run.returncode}"]
        why = next((line for line in lines if "ERROR" in line), lines[-1])
        raise UserError(
            f"release: pip cannot make the wheel of tinyaae ({why.strip()}); it gets setuptools from the network. "
            f'Without network, have setuptools here beforehand: pip install "setuptools>={SETUPTOOLS}"'
        )
    return made[0]


def isolation():
    """Return pip's option that spares the network where setuptools is here and new enough."""
    try:
        enough = int(version("setuptools").split(".")[0]) >= SETUPTOOLS
    except (PackageNotFoundError, ValueError):
        enough = False
    return ["--no-build-isolation"] if enough else []


def pip(*arguments):
    """Run pip; return what `subprocess.run` does. It does not try for minutes where there is no network."""
    environment = {"PIP_RETRIES": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | os.environ
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", errors="replace")
