"""The tables of exercises in the instructor's page, made from the lessons and their checks."""

import re
from pathlib import Path

from lessons import catalogue
from lessons.catalogue import read

PAGE = Path(__file__).with_name("README.md")
START = "## The exercises\n"  # everything from here on is made


def up_to_date():
    """Return the text of the page with the tables as they should be."""
    return read(PAGE).partition(START)[0] + START + "".join(map(section, catalogue.lessons()))


def section(lesson):
    """Return the table of one lesson."""
    headings = dict(re.findall(r"^# ## Exercise ([\d.]+): (.+)$", read(lesson.path), re.M))
    lines = [
        f"\n### {lesson.number}. {lesson.title}\n",
        "| exercise | points | it trains | what goes wrong, and is told | variants |",
        "|---|---|---|---|---|",
    ]
    for exercise in lesson.exercises:
        trains = ": ".join(text for text in (headings.get(exercise.number), exercise.hints[0]) if text)
        wrong = " · ".join(mistake.says for mistake in exercise.mistakes)
        cells = (f"{exercise.number} `{exercise.name}`", exercise.points, trains, wrong, ", ".join(exercise.variants))
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def bring_up_to_date():
    """Write the page; return 0."""
    PAGE.write_text(up_to_date(), encoding="utf-8", newline="\n")
    print(PAGE)
    return 0
