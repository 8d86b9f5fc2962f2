"""A lesson as a Jupyter notebook: cells that can be stepped, and a check below each exercise."""

import ast
import textwrap
from pathlib import Path

from lessons.catalogue import HERE, read
from tinyaae.errors import UserError


def write(lessons, out):
    """Write the lessons as notebooks into the folder `out`, new or not; return 0."""
    try:
        import jupytext
    except ImportError as error:
        raise UserError("notebook: needs Jupytext; pip install jupytext") from error
    if Path(out).exists() and not Path(out).is_dir():
        raise UserError(f"{out}: is a file, expected a folder for the notebooks, new or not")
    targets = [Path(out) / lesson.path.with_suffix(".ipynb").name for lesson in lessons]
    for target in targets:
        if target.exists():
            raise UserError(
                f"{target}: is there already, expected a new name; it may hold your work, choose another DIR"
            )
    Path(out).mkdir(parents=True, exist_ok=True)
    for lesson, target in zip(lessons, targets, strict=True):
        book = jupytext.reads(read(lesson.path), fmt="py:percent")
        book.cells = [new for cell in book.cells for new in stepped(cell, lesson)]
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        jupytext.write(book, target)
        print(target)
    return 0


def stepped(cell, lesson):
    """Return the cells that take the place of one: what runs with the lesson stands free, a step a cell."""
    if cell.cell_type != "code":
        return [cell]
    sources, numbers = [], {exercise.name: exercise.number for exercise in lesson.exercises}
    for node, source in statements(cell.source):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            sources += steps(textwrap.dedent(source.strip("\n").partition("\n")[2]))
        elif sources and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            sources[-1] += "\n" + source
        else:
            sources.append(source)
        if isinstance(node, ast.FunctionDef) and node.name in numbers:
            sources.append(f'check("{numbers[node.name]}", {node.name})')
    if "import numpy as np" in cell.source:
        sources[0] = first_lines() + sources[0]
    name = cell.get("id", "cell")[:50]
    return [type(cell)({**cell, "source": source.strip("\n"), "id": f"{name}-{k}"}) for k, source in enumerate(sources)]


def statements(text):
    """Return the (syntax tree, source) of each statement of a text; comments before it, and indented after it, too."""
    lines, start, found = text.split("\n"), 0, []
    for node in ast.parse(text).body:
        end = node.end_lineno
        while end < len(lines) and lines[end].startswith(" "):
            end += 1
        found.append((node, "\n".join(lines[start:end])))
        start = end
    return found


def steps(text):
    """Return the parts of a text that blank lines between its statements set apart."""
    parts = []
    for _, source in statements(text):
        if parts and not source.startswith("\n"):
            parts[-1] += "\n" + source
        else:
            parts.append(source)
    return parts


def first_lines():
    """Return the lines with which a notebook finds its checks, wherever it is opened."""
    return (
        f"import sys\n\nsys.path.insert(0, {str(HERE.parent)!r})  # where the lessons are\n"
        "from lessons.notebooks import check\n\n"
    )


def check(number, function):
    """Print how the function of an exercise, written in a notebook, stands."""
    from lessons.student import one_exercise, outcome

    lesson, exercise = one_exercise(number)
    print(outcome(lesson, exercise, function).says or f"{number} {exercise.name}: not solved yet")
