"""A training process killed at random moments loses nothing; `python tests/stress/kill.py` does so a hundred times."""

import signal

import kill
import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_five_kills_lose_nothing(capsys):
    assert kill.main(["--kills", "5"]) == 0
    assert "nothing lost" in capsys.readouterr().out
