"""Takes the lessons out of what a student handed in: a folder, a ZIP file or one .py file.

Only the text of files called `lesson_NN….py` is read, and nothing is unpacked or imported. Such a name may have what a
learning platform puts around it, as in `doejane_123_Lesson_01_linear.py.txt`. A link is not followed: it may lead to
the solutions, which the grader may read and the student may not.
"""

import os
import re
import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

from tinyaae.errors import UserError

LESSON = re.compile(r"lesson_(\d\d)(?!\d)[^/\\]*\.py")
LIKE_ONE = re.compile(r"(?:.*[^a-z])?lesson[ _-]*(\d\d?)(?!\d)[^/\\]*\.(?:py|py\.txt|txt)", re.IGNORECASE | re.DOTALL)
MOST_BYTES, MOST_ZIP_BYTES, MOST_FILES = 2**20, 32 * 2**20, 5000  # of one lesson, of a ZIP file, looked at in a folder


class Submission(NamedTuple):
    """What was handed in: number of the lesson -> its text, remarks for the student, and the names of other files."""

    lessons: dict
    remarks: list
    others: list = []


def read(path):
    """Return the `Submission` at a path; `UserError` where there is nothing that can be read."""
    path = Path(path)
    try:
        if path.is_dir():
            return chosen(in_folder(path))
        if path.suffix.lower() == ".zip":
            return chosen(in_zip(path))
        if path.suffix.lower() == ".py" or LIKE_ONE.fullmatch(path.name):
            return chosen([(path.name, lambda: regular(path))])
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
        raise UserError(f"{path.name}: cannot be read ({error}); expected a folder, a .zip or a .py file") from error
    raise UserError(f"{path.name}: expected a folder, a .zip or a .py file with lessons, and that is none")


def chosen(files):
    """Return the `Submission` of (name, function that returns the text) pairs; exact names and outer folders first."""
    found, remarks, others = {}, [], []

    def order(file):
        return LESSON.fullmatch(file[0].rpartition("/")[2]) is None, file[0].count("/"), file[0]

    for name, text in sorted(files, key=order):
        *folders, last = name.split("/")
        match = LESSON.fullmatch(last) or LIKE_ONE.fullmatch(last)
        if any(part.startswith((".", "__MACOSX", "originals")) for part in folders):
            continue
        if not match:
            others += [name] if last else []
            continue
        number = int(match[1])
        if number in found:
            remarks.append(f"{name}: not graded, because there is another file for lesson {number}")
            continue
        try:
            found[number] = text()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
            remarks.append(f"{name}: not graded ({error})")
    return Submission(found, remarks, others)


def in_folder(top):
    """Return the pairs of a folder and the folders in it."""
    files = []
    for folder, _, names in os.walk(top):
        files += [Path(folder) / name for name in names]
        if len(files) > MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files")
    return [(path.relative_to(top).as_posix(), lambda path=path: regular(path)) for path in files]


def regular(path):
    """Return the bytes of a file that is neither a link nor a device."""
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]  # not all systems have all
    if os.path.islink(path):
        raise ValueError("it is a link; hand in the file itself")
    with open(os.open(path, os.O_RDONLY | sum(flags)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        return at_most(file)


def in_zip(path):
    """Return the pairs of a ZIP file."""
    if path.stat().st_size > MOST_ZIP_BYTES:
        raise ValueError(f"larger than {MOST_ZIP_BYTES >> 20} MB")
    archive = zipfile.ZipFile(path)
    return [(i.filename.replace("\\", "/"), lambda i=i: member(archive, i)) for i in archive.infolist()]


def member(archive, info):
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError("it is a link; hand in the file itself")
    with archive.open(info) as file:
        return at_most(file)


def at_most(file):
    """Return the bytes of an open file, which may claim any size."""
    text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES >> 20} MB")
    return text
