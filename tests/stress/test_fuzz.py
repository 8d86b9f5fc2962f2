"""Broken and hostile input ends in one line; `python tests/stress/fuzz.py` throws twenty times as much."""

import os
import subprocess
import sys

import pytest
from tiny import REPOSITORY


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer bounds memory with setrlimit")
def test_five_hundred_cases_hold_no_surprise():
    pytest.importorskip("hypothesis")
    line = [sys.executable, REPOSITORY / "tests" / "stress" / "fuzz.py", "--cases", "500", "--seed", "0"]
    run = subprocess.run(line, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
