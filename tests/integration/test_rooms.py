"""The textbook can be read without its services: what its files may import."""

import ast

import pytest
from tiny import REPOSITORY

PACKAGE = REPOSITORY / "tinyaae"
TEXTBOOK = ["layers", "losses", "optimizers", "priors", "networks", "phases", "extras", "recipes", "model", "gradcheck"]
LIBRARY = {"functools", "math", "inspect", "itertools", "typing", "zlib", "numpy"}
INTERFACE = {"backend": {"Backend", "Context"}, "errors": None}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_textbook_file_imports_what_stands_before_it_and_the_interface_of_the_backend(name):
    allowed = {*TEXTBOOK[: TEXTBOOK.index(name)], *INTERFACE}
    for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= LIBRARY
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module in LIBRARY
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            modules = {node.module} if node.module else names
            assert node.level == 1 and modules <= allowed, f"{name} imports {modules}"
            assert names <= (INTERFACE.get(node.module) or names)


@pytest.mark.parametrize("room", ["backend", "config", "data", "explorer", "figures", "metrics", "testing", "training"])
def test_every_room_says_what_it_is_for(room):
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assert len(ast.get_docstring(tree).split()) > 8
