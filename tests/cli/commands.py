"""The command line, run in this process."""

from __future__ import annotations

import pytest

from mma_eval.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """What the command says: its output, or its one line of error."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert stop.value.code == code, said.err
    return said.err if code else said.out
