"""Take docs/explorer.png: two panels of a run's page, as Chromium shows them.

    python docs/screenshot.py runs/my-run

The README shows it for the run of its main command. It needs `pip install playwright` and a Chromium. The window, the
colours and the code that is shown are fixed, so only another run or another Chromium changes the picture.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tinyaae import cli

WINDOW = {"width": 1060, "height": 1000}
SHOWN = "#image=0"  # the code of the first test image
TOP, BOTTOM = "#paint", "#board"  # from the top of the former to the bottom of the latter
MARGIN = 14
STEP = 8  # between two values of a colour, of 0 to 255: a file of 0.2 MB


def main(run):
    """Write the picture of the page of `run`; return the exit status of `tinyaae explore`."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "page.html"
        if status := cli.verbs(["explore", run, "--out", str(page)]):
            return status
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport=WINDOW, color_scheme="light")
        tab.goto(page.as_uri() + SHOWN)
        tab.wait_for_selector("html[data-ready]", state="attached")
        tab.wait_for_timeout(5000)  # until the verdict of D is drawn
        top, bottom = (tab.locator(name).bounding_box() for name in (TOP, BOTTOM))
        clip = {"x": 0, "width": WINDOW["width"], "y": top["y"] - MARGIN,
                "height": bottom["y"] + bottom["height"] - top["y"] + 2 * MARGIN}  # fmt: skip
        picture = Image.open(io.BytesIO(tab.screenshot(clip=clip, full_page=True)))
        picture = picture.convert("RGB").point(lambda value: min(255, STEP * round(value / STEP)))
        picture.save(Path(__file__).with_name("explorer.png"), optimize=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
