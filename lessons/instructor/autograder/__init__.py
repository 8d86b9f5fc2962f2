"""Writes the ZIP file that Gradescope takes as an autograder.

In it are the library without its data, the course as its students have it (proved, and without solutions), and the
grader. The two scripts that Gradescope calls, setup.sh and run_autograder, stand beside this file.
"""

import tempfile
import zipfile
from pathlib import Path

import tinyaae
from lessons import catalogue
from lessons.instructor import release, variants
from tinyaae.errors import UserError

SCRIPTS = ("setup.sh", "run_autograder")


def autograder(path, course, folder=catalogue.HERE, table=variants.VARIANTS, prove=True):
    """Write the autograder of a course to the ZIP file `path`; return its `Path`.

    Raises `UserError` where that cannot be done, and `proof.Unproven` with all that is wrong with the lessons.
    """
    path, here = Path(path), Path(__file__).parent
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise UserError(f"{path}: expected the name of a ZIP file to write, in a folder that exists")
    with tempfile.TemporaryDirectory() as work:
        copy = release.release(Path(work) / "copy", course, folder, table, prove=prove)
        files = {name: here / name for name in SCRIPTS}
        files |= inside(copy / "lessons", "lessons")
        files |= inside(here.parent, "lessons/instructor") | inside(folder / "instructor", "lessons/instructor")
        files |= inside(Path(tinyaae.__file__).parent, "tinyaae")
        temporary = Path(work) / "autograder.zip"
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("course.json", course.to_json())
            for name, file in sorted(files.items()):
                archive.writestr(entry(name), file.read_bytes().replace(b"\r\n", b"\n"))
        path.write_bytes(temporary.read_bytes())
    return path


def inside(folder, name):
    """Return name in the ZIP file -> path of the files in a folder, without caches, data and pretrained models."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in files
        if "__pycache__" not in path.parts and path.suffix not in (".pyc", ".gz", ".npz")
    }


def entry(name):
    """Return a ZIP file's entry, which may be executed where it is a script."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
