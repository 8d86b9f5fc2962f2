"""Write the page of a run: one HTML file that reads nothing from anywhere, and says so in a content security policy."""

import base64
import hashlib
import json
import zlib
from pathlib import Path

from ..data.files import write_safely
from .contents import contents

HERE = Path(__file__).parent / "static"
SCRIPTS = [  # in the order of use
    "network", "elements", "state", "plane", "read", "paint", "walk", "map", "replay", "report", "main",
]  # fmt: skip


def write_page(path, model, dataset, folder, with_images=False):
    """Write the page of a trained `model` to `path`; return its size in bytes and how many test images it has.

    folder: the `RunFolder` that the model was restored from.
    """
    shown, arrays = contents(model, dataset, folder, with_images)
    text = page(shown, arrays).encode()
    write_safely(Path(path), lambda file: file.write(text))
    return len(text), len(shown["images"]["labels"]) if shown["images"] else 0


def page(shown, arrays):
    """Return the HTML of a page with the dict `shown` and the bytes `arrays`."""
    scripts = "".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "STYLE": (HERE / "page.css").read_text(encoding="utf-8"),
        "SCRIPT": f'(() => {{\n"use strict";\n{scripts}}})();\n',
        "DATA": in_script(json.dumps(shown)),
        "ARRAYS": base64.b64encode(zlib.compress(arrays, 9)).decode(),
    }
    parts["POLICY"] = (
        f"default-src 'none'; script-src '{digest(parts['SCRIPT'])}'; style-src '{digest(parts['STYLE'])}'; "
        "base-uri 'none'; form-action 'none'"
    )
    html = (HERE / "page.html").read_text(encoding="utf-8")
    for name in ("POLICY", "STYLE", "SCRIPT", "ARRAYS", "DATA"):  # what users named comes last
        before, after = html.split(f"{{{{{name}}}}}")
        html = before + parts[name] + after
    return html


def digest(text):
    """Return the hash source of an inline script or style, for a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def in_script(text):
    """Return JSON in which no character can end the script element that holds it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
