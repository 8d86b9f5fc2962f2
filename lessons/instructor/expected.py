"""Draw the pictures that the lessons draw with their solutions, for learners to compare with.

    python -m lessons.instructor.expected

A student's copy has those of the lessons in which no exercise is in another variant.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from lessons import catalogue


def main():
    """Run every lesson and keep its pictures."""
    folder = catalogue.HERE / catalogue.EXPECTED
    folder.mkdir(exist_ok=True)
    for lesson in catalogue.lessons():
        with tempfile.TemporaryDirectory() as work:
            subprocess.run([sys.executable, lesson.path], cwd=work, stdout=subprocess.DEVNULL, check=True)
            for picture in Path(work, "pictures").iterdir():
                # in 256 colours it looks the same and is a third as large; other methods lose the colours of digits
                reduced = Image.open(picture).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
                reduced.save(folder / picture.name, optimize=True)
                print(folder / picture.name)


if __name__ == "__main__":
    main()
