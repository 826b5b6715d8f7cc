"""`mma-eval doctor`: this machine, and whether sound and picture reach a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mma_eval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mma_eval.eval.doctor.examination import Examination
    from mma_eval.eval.doctor.installation import Installation
    from mma_eval.models.base import Model

DEFAULT_DATASET = "demo:count=12"


def doctor_command(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also examine this model: a card or a backend."),
    ] = None,
    model_args: Annotated[
        str | None, typer.Option(help="key=value,... for the backend; lists as [a,b].")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter folder.")] = None,
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="Where the clips come from.")
    ] = DEFAULT_DATASET,
    clips: Annotated[int, typer.Option(min=1, help="Clips to ask about.")] = 6,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own cards. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the evidence.")] = False,
) -> None:
    """Check this machine; with --model, prove that sound and picture reach the model.

    Exit code 1 when a check fails. Nothing is read from or written to any run.
    """
    from mma_eval.cli.console import output
    from mma_eval.eval.doctor.installation import look_at_installation
    from mma_eval.report.doctor import print_examination, print_installation

    if model is None and (model_args or adapter):
        raise UsageError("--model-args and --adapter need --model")
    create = None if model is None else _creator(model, model_args, adapter, include_path or [])
    installation = look_at_installation()
    if not as_json:
        print_installation(output(), installation)
    examination = None
    if create is not None:
        weights = _weights(create())
        if not as_json:
            output().print(f"\nweights: {weights}", markup=False, soft_wrap=True)
        examination = _examine(create, dataset, clips)
    if as_json:
        _print_json(installation, examination)
    elif examination is not None:
        print_examination(output(), examination)
    if not _passed(installation, examination):
        raise typer.Exit(1)


def _creator(
    name: str, model_args: str | None, adapter: Path | None, include_path: list[Path]
) -> Callable[[], Model]:
    """What builds the model without its weights."""
    from mma_eval.models.catalogue import CardCatalogue, create_model, parse_arguments

    arguments: dict[str, Any] = dict(parse_arguments(model_args)) if model_args else {}
    if adapter is not None:
        if "adapter" in arguments:
            raise UsageError("--adapter is also in --model-args; give it once")
        arguments["adapter"] = adapter
    card = CardCatalogue(include_path).get(name)
    return lambda: create_model(card, arguments)


def _weights(model: Model) -> str:
    """Whether they are here, or what getting them would take."""
    download = model.download_plan()
    return "nothing has to be downloaded" if download is None else download.sentence()


def _examine(create: Callable[[], Model], dataset: str, clips: int) -> Examination:
    from mma_eval.cli.console import answer_bar
    from mma_eval.cli.download import allow_download
    from mma_eval.eval.doctor.examination import examine
    from mma_eval.eval.doctor.stimuli import draw_stimuli
    from mma_eval.task.dataset import open_dataset

    def allowed() -> Model:
        model = create()
        allow_download(model)
        return model

    with answer_bar("preparing the dataset") as bar:
        stimuli = draw_stimuli(open_dataset(dataset, progress=bar.report), clips)
    with answer_bar("asking") as bar:
        return examine(allowed, stimuli, bar)


def _passed(installation: Installation, examination: Examination | None) -> bool:
    from mma_eval.eval.doctor.checks import Verdict

    here = all(check.verdict is not Verdict.FAIL for check in installation.checks)
    return here and (examination is None or examination.passed)


def _print_json(installation: Installation, examination: Examination | None) -> None:
    import json
    from dataclasses import asdict

    found = {
        "installation": asdict(installation),
        "examination": None if examination is None else asdict(examination),
    }
    typer.echo(json.dumps(found, indent=1, default=str))
