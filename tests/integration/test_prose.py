"""The pages are written as CONTRIBUTING.md says: short sentences, and none of the phrases that hide a subject.

The docstrings of the package have none of these phrases either.
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
NOT_YET = {"figures/latent.py"}  # modules of the package that still have such a phrase in a docstring
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


@pytest.mark.parametrize("module", [module for module in MODULES if module not in NOT_YET])
def test_docstrings_are_plain(module):
    tree = ast.parse((REPOSITORY / "tinyaae" / module).read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    wrong = [docstring for docstring in docstrings if re.search(BANNED, " ".join(docstring.split()))]
    assert not wrong, "\n".join(wrong)
