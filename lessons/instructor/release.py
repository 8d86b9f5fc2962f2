"""Handing out the course: a student's copy with the solutions stripped, and the proof before it is written.

The copy is made in a temporary folder and moved to its place when all is proved, so there is never half of one.
"""

import json
import shutil
import tempfile
from pathlib import Path

from lessons import catalogue
from lessons.catalogue import HERE, read
from lessons.instructor import proof, variants
from lessons.instructor.handout import page, wheel
from lessons.instructor.stripping import strip
from tinyaae.errors import UserError


def release(target, course, folder=HERE, table=variants.VARIANTS, repository=None, prove=True, draws=0, handout=False):
    """Write the student's copy of a course to the folder `target`, new or empty; return its `Path`.

    Raises `UserError` where that cannot be done, and `proof.Unproven` with all that is wrong with the lessons.
    `repository` is where the copy looks for solutions. Without `prove` the exercises are not run; with
    `draws` the proof tries each listed mistake on so many inputs more. A `handout` has a page of its own and the
    library as a wheel.
    """
    target = expect_empty(target, folder)
    was_there = target.is_dir()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".lessons-", dir=target) as work:
            full, top = Path(work) / "full", Path(work) / "copy"
            copy = top / "lessons"
            write(full, full_texts(course, folder, table))
            write(copy, copy_texts(course, full, folder, repository))
            copy_pictures(course, folder, copy)
            if handout:
                (copy / "README.md").unlink()
                write(top, {"README.md": page(course, catalogue.lessons(copy), wheel(top).name)})
            proof.prove(course, folder, full, copy, table, run=prove, draws=draws)
            for path in top.iterdir():
                path.rename(target / path.name)
    except OSError as error:
        raise UserError(f"{target}: {error}; expected a folder that can be written to") from error
    finally:
        if not was_there and target.is_dir() and not any(target.iterdir()):
            target.rmdir()
    return target


def full_texts(course, folder=HERE, table=variants.VARIANTS):
    """Return file name -> text of the course's lessons and checks, with its variants and with the solutions."""
    texts = {}
    for lesson in catalogue.lessons(folder):
        if lesson.number not in course.lessons:
            continue
        wanted = {e.number: course.variants[e.number] for e in lesson.exercises if e.number in course.variants}
        texts |= variants.applied({path.name: read(path) for path in (lesson.path, lesson.checks)}, wanted, table)
    return texts


def copy_texts(course, full, folder=HERE, repository=None):
    """Return file name -> text of the student's copy of the lessons in the folder `full`."""
    texts = {name: read(folder / name) for name in proof.STUDENTS if (folder / name).is_file()}
    settings = {"variants": course.variants, "repository": repository and str(repository)}
    texts["copy.json"] = json.dumps(settings, indent=2) + "\n"
    for lesson in catalogue.lessons(full):
        stripped = strip(read(lesson.path), lesson.exercises, lesson.path.name)
        texts |= {
            lesson.path.name: stripped,
            f"originals/{lesson.path.name}": stripped,
            lesson.checks.name: read(lesson.checks),
        }
    return texts


def copy_pictures(course, folder, copy):
    """Copy the expected pictures of the course's lessons, but for those with a variant, whose pictures are others."""
    for lesson in catalogue.lessons(copy):
        if not {exercise.number for exercise in lesson.exercises} & set(course.variants):
            for picture in catalogue.expected_pictures(lesson, folder):
                (copy / catalogue.EXPECTED).mkdir(exist_ok=True)
                shutil.copyfile(picture, copy / catalogue.EXPECTED / picture.name)


def write(folder, texts):
    """Write name -> text into a new folder."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def expect_empty(target, folder):
    """Return `target` as a `Path`; `UserError` unless it is new or empty, and outside the repository."""
    path = Path(target).resolve()
    if path.exists() and not path.is_dir():
        raise UserError(f"{target}: is a file, expected a new or empty folder")
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"{target}: is not empty, expected a new or empty folder; is your work in it?")
    if folder.parent in (path, *path.parents):
        raise UserError(
            f"{target}: is inside the repository, where pytest would find the solutions; choose ../{path.name}"
        )
    return path
