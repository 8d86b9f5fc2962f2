"""The code in docs/ runs as it stands and prints what the page says."""

import contextlib
import io
import re

import pytest
from tiny import REPOSITORY

PAGES = ["design.md"]
BLOCKS = re.compile(r"<!-- tests/integration/test_docs.py[^>]*-->\n```python\n(.*?)```\n```text\n(.*?)```", re.S)


@pytest.mark.parametrize("page", PAGES)
def test_code_on_the_page_prints_what_the_page_says(page):
    found = BLOCKS.findall((REPOSITORY / "docs" / page).read_text(encoding="utf-8"))
    assert found
    for code, expected in found:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), {"__name__": page})
        assert printed.getvalue() == expected
