"""The pages are written as CONTRIBUTING.md says: short sentences, and none of the phrases that hide a subject.

The docstrings of the package have none of these phrases either, and those of the textbook have short sentences.
"""

import ast
import re

import pytest
from tiny import REPOSITORY

PAGES = {  # page -> words a sentence may have
    "README.md": 22, "CONTRIBUTING.md": 22, "docs/guide.md": 22, "docs/design.md": 22, "docs/architecture.md": 22,
    "docs/glossary.md": 30, "docs/guarantees.md": 22, "benchmarks/README.md": 22, "results/README.md": 25,
    "results/LOG.md": 25,
}  # fmt: skip
BANNED = r"\b((?:has|have) not (?:a|an|any|the|its)|but for|so many|such as (?:makes|are)|nobody|wants|heeds?)\b"
TEXTBOOK = ["layers", "losses", "optimizers", "priors", "networks", "phases", "extras", "recipes", "model", "gradcheck"]
MODULES = sorted(file.relative_to(REPOSITORY / "tinyaae").as_posix() for file in (REPOSITORY / "tinyaae").rglob("*.py"))


def sentences(text):
    """Yield the sentences of a Markdown page, without code, tables, pictures and headings; a list item ends one.

    Code within a sentence counts as one word.
    """
    text = re.sub(r"```.*?```", "\n\n", text, flags=re.S)
    text = re.sub(r"^\s*(?:[|!<#>].*|    .*)$", "\n", text, flags=re.M)
    for block in re.split(r"\n\s*\n|\n\s*(?:[*-]|\d+\.) ", text):
        block = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "`code`", " ".join(block.split())))
        yield from re.split(r"(?<=[.!?:;])(?:\*\*)?\s+(?=[A-Z`*\"(])|;\s", block)


@pytest.mark.parametrize("page", PAGES)
def test_sentences_are_short_and_plain(page):
    wrong = []
    for sentence in sentences((REPOSITORY / page).read_text(encoding="utf-8")):
        if len(sentence.split()) > PAGES[page] or re.search(BANNED, sentence):
            wrong.append(sentence)
    assert not wrong, "\n".join(wrong)


def docstrings(module):
    """Yield the docstrings of a file of the package."""
    for node in ast.walk(ast.parse((REPOSITORY / "tinyaae" / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_are_plain(module):
    wrong = [docstring for docstring in docstrings(module) if re.search(BANNED, " ".join(docstring.split()))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_sentences_of_the_textbook_are_short(name):
    """A summary line is a sentence by itself; indented equations and code are not counted."""
    found = [sentence for docstring in docstrings(f"{name}.py") for sentence in sentences(docstring)]
    wrong = [sentence for sentence in found if len(sentence.split()) > 22]
    assert not wrong, "\n".join(wrong)
