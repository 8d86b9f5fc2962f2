"""Print docs/settings.md: every number of a run, made from its description.

python -m tinyaae.config > docs/settings.md
"""

import sys

from ..surroundings import expect_printed, run_program
from .fields import ABOUT, Numbers, choices_of, lacks, names
from .flags import flag
from .modes import MODES
from .presets import PRESETS

TITLES = {
    "flag": "Flags",
    "set": "Settings, by `--set NAME=VALUE`",
    "extra": "Additional terms, by `--extra NAME=NUMBER`",
    "preset": "Numbers that only a preset sets",
}


def page():
    """Return the text of docs/settings.md."""
    lines = [
        "# Every number of a run", "",
        "Made by `python -m tinyaae.config` from `tinyaae/config/fields.py`. The default is the one without a mode and",
        "a preset; `tinyaae train --help --mode MODE` prints those of a mode. In Python the names have underscores.",
    ]  # fmt: skip
    for how, title in TITLES.items():
        lines += ["", f"## {title}", "", "| name | meaning | default | modes |", "|---|---|---|---|"]
        lines += [row(name) for name in names(how)]
    lines += ["", "## Presets", "", "| preset | mode | sets |", "|---|---|---|"]
    for name, numbers in PRESETS.items():
        sets = ", ".join(f"{field} {value}" for field, value in numbers.items() if field != "mode")
        lines.append(f"| `{name}` | {numbers.get('mode', 'all')} | {sets or 'what the mode has'} |")
    return "\n".join(lines) + "\n"


def row(name):
    """Return the line of the table about field `name`."""
    about, default = ABOUT[name], getattr(Numbers(), name)
    known = choices_of(name)
    words = about.meaning + (f": {', '.join(choice or 'null' for choice in known)}" if known else "")
    modes = [mode for mode in MODES if not lacks(MODES[mode], name)]
    used = "all" if len(modes) == len(MODES) else ", ".join(modes)
    return f"| `{flag(name)}` | {words.replace('|', '&#124;')} | {default} | {used} |"


def main():
    """Print the page; return 0."""
    print(page(), end="")
    expect_printed()
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
