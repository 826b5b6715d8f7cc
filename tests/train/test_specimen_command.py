"""The command that makes tiny-omni: its options, its progress, its closing table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mma_eval.cli.specimen import train_specimen_command
from mma_eval.train.specimen import make
from mma_eval.train.specimen.evaluate import Finding
from mma_eval.train.specimen.train import Progress


@pytest.fixture()
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(train_specimen_command)
    return app


def test_it_passes_its_options_on_and_reports(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def pretend(out: Path, **options: Any) -> make.Report:
        seen.update(options, out=out)
        options["on_clip"](1, 1)
        options["on_step"](Progress("habit", 1, 1, 0.5))
        return make.Report(out, 123_456, (Finding("aligned", "audio", 10, 0.9, 0.0),))

    monkeypatch.setattr(make, "train_specimen", pretend)
    result = CliRunner().invoke(app, [str(tmp_path), "--seed", "7", "--fresh"])
    assert result.exit_code == 0, result.output
    assert (seen["out"], seen["seed"], seen["resume"]) == (tmp_path, 7, False)
    assert "aligned" in result.output
    assert "90.0" in result.output
    assert "123,456 weights" in result.output


def test_a_negative_seed_is_wrong_usage(app: typer.Typer, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, [str(tmp_path), "--seed", "-1"]).exit_code == 2
