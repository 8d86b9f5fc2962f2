"""Taking the solutions out of a lesson, and proving that nothing else went with them.

A solution stands between `### BEGIN SOLUTION` and `### END SOLUTION`, inside the function of an exercise. Stripping
works on lines of text; the proof works on Python's own syntax tree, so that neither can hide the other's mistake.
"""

import ast
import re
from typing import NamedTuple

from tinyaae.errors import UserError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
LOOKS_LIKE = re.compile(r"\b(begin|end)[ _-]*solution", re.IGNORECASE)
# Lines, without spaces, that give nothing away: return y, else:, for k in range(n):, n = len(x), n, d = x.shape, f(
TRIVIAL = re.compile(r"(return)?[\w,()]*|else:|for[\w,()]+:|[\w,]+=(len\(\w+\)|\w+\.shape(\[\d\])?)|(return)?[\w.]+\(")


class Block(NamedTuple):
    """A solution: the lines of its two markers, counted from 1, how far it is indented, and its exercise."""

    first: int
    last: int
    indent: str
    number: str


def blocks(text, exercises, where):
    """Return the `Block`s of a lesson's text; `UserError` names the line where the markers are not right."""
    body = parse(text, where).body
    numbers = {exercise.name: exercise.number for exercise in exercises}
    found, begin = [], None
    for k, line in enumerate(text.split("\n"), 1):
        if not LOOKS_LIKE.search(line):
            continue
        marker, indent = line.strip(), line[: len(line) - len(line.lstrip())]
        above = next((node for node in reversed(body) if node.lineno < k), None)
        inside = above.name if isinstance(above, ast.FunctionDef) and indent else None
        if marker not in (BEGIN, END):
            raise UserError(f"{where}, line {k}: {marker!r} came, expected exactly {BEGIN!r} or {END!r}")
        if (marker == BEGIN) != (begin is None):
            raise UserError(f"{where}, line {k}: {marker!r} has no partner; is one missing, or are two nested?")
        if marker == BEGIN:
            if inside not in numbers:
                raise UserError(f"{where}, line {k}: a solution in {inside or 'no function'}, which is no exercise")
            begin = k, indent, inside
            continue
        if (begin[1], begin[2]) != (indent, inside):
            raise UserError(
                f"{where}, line {k}: a solution ends in another function or indentation than line {begin[0]}"
            )
        found.append(Block(begin[0], k, indent, numbers[inside]))
        begin = None
    if begin:
        raise UserError(f"{where}, line {begin[0]}: {BEGIN!r} has no partner; is one missing?")
    missing = [number for number in numbers.values() if number not in {block.number for block in found}]
    if missing:
        raise UserError(f"{where}: no solution for exercise {', '.join(missing)}; are its name and its markers right?")
    return found


def strip(text, exercises, where):
    """Return the text of a lesson with each solution replaced by `raise NotImplementedError("exercise 3.2")`."""
    lines = text.split("\n")
    for block in reversed(blocks(text, exercises, where)):
        lines[block.first - 1 : block.last] = [block.indent + unsolved(block.number)]
    stripped = "\n".join(lines)
    expected = Strip(blocks(text, exercises, where)).visit(parse(text, where))
    if ast.dump(expected) != ast.dump(parse(stripped, f"{where}, stripped")):
        raise UserError(f"{where}: stripping would change more than solutions; do the markers hold whole statements?")
    return stripped


def unsolved(number):
    return f'raise NotImplementedError("exercise {number}")'


class Strip(ast.NodeTransformer):
    """What stripping should do to the syntax tree: the statements of each block become one `raise`."""

    def __init__(self, blocks):
        self.blocks = blocks

    def visit(self, node):
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, field, None), list):
                setattr(node, field, self.statements(getattr(node, field)))
        return self.generic_visit(node)

    def statements(self, nodes):
        kept, gone = [], set()
        for node in nodes:
            block = next((b for b in self.blocks if b.first < node.lineno and node.end_lineno < b.last), None)
            if block is None:
                kept.append(node)
            elif block not in gone:
                gone.add(block)
                kept += ast.parse(unsolved(block.number)).body
        return kept


def definitions(text):
    """Return name -> arguments or base classes, decorators and docstring of the functions and classes in `text`."""
    found = {}

    def look_into(body, prefix):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                takes = [node.args] if isinstance(node, ast.FunctionDef) else [*node.bases, *node.keywords]
                said = [ast.dump(part) for part in (*takes, *node.decorator_list)]
                found[prefix + node.name] = (said, ast.get_docstring(node))
            if isinstance(node, ast.ClassDef):
                look_into(node.body, f"{node.name}.")

    look_into(ast.parse(text).body, "")
    return found


def parse(text, where):
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{where}, line {error.lineno}: {error.msg}; do the markers hold whole statements?") from error


def telling_lines(text, exercises, where):
    """Return the lines of the solutions, without white space and comments, that would give something away."""
    lines, found = text.split("\n"), set()
    for block in blocks(text, exercises, where):
        for line in lines[block.first : block.last - 1]:
            bare = squeezed(line.partition("  #")[0])
            if len(bare) >= 9 and not bare.startswith("#") and not TRIVIAL.fullmatch(bare):
                found.add(bare)
    return found


def given_away(text, telling):
    """Return those of the telling lines that stand in `text`, however it is spaced."""
    all_of_it = squeezed(text)
    return [line for line in sorted(telling) if line in all_of_it and spaced(line).search(text)]


def squeezed(text):
    return "".join(text.split())


def spaced(line):
    """Return a pattern for `line` with any white space in it, but not as a part of a longer name."""
    return re.compile(r"(?<![\w.])" + r"\s*".join(map(re.escape, line)) + r"(?![\w.])")
