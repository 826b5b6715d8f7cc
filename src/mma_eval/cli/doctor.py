"""`mma-eval doctor`: this machine, and whether sound and picture reach a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mma_eval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mma_eval.eval.doctor.comparison import RecordComparison
    from mma_eval.eval.doctor.examination import Examination
    from mma_eval.eval.doctor.installation import Installation
    from mma_eval.eval.doctor.record import DoctorRecord
    from mma_eval.eval.doctor.stimuli import Stimulus
    from mma_eval.models.base import Model
    from mma_eval.task.dataset import Dataset

DEFAULT_DATASET = "demo:count=12"
DEFAULT_CLIPS, SAVED_CLIPS = 6, 10


def doctor_command(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also examine this model: a card or a backend."),
    ] = None,
    model_args: Annotated[
        str | None, typer.Option(help="key=value,... for the backend; lists as \\[a,b].")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter folder.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help=f"Where the clips come from ({DEFAULT_DATASET})."),
    ] = None,
    clips: Annotated[
        int | None, typer.Option(min=1, help="Clips to ask about (6; 10 with --save).")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Write a record of the model on this machine to FILE.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where --save writes (doctor-MODEL.json).", show_default=False),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Ask as this record did, and compare.", metavar="RECORD")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="Nats by which likelihoods may differ from the record's."),
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own cards. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the evidence.")] = False,
) -> None:
    """Check this machine; with --model, prove that sound and picture reach the model.

    Exit code 1 when a check fails, or when --against does not agree. Nothing is read from or
    written to any run.
    """
    from mma_eval.cli.console import output
    from mma_eval.eval.doctor.installation import look_at_installation
    from mma_eval.report.doctor import print_installation

    _check_usage(model, model_args, adapter, save, file, against, tolerance)
    create = None if model is None else _creator(model, model_args, adapter, include_path or [])
    wanted = None
    if create is not None:
        record = None if against is None else _read(against)
        source, count = _clips_to_ask(dataset, clips, save, record)
        place = _place(file, create) if save else None
        wanted = _Wanted(create, source, count, place, record, tolerance)
    installation = look_at_installation()
    if not as_json:
        print_installation(output(), installation)
    found = None if wanted is None else _look_at_model(wanted, quiet=as_json)
    if as_json:
        _print_json(installation, found)
    if not _passed(installation, found):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Wanted:
    """What is to be found out about a model, and what becomes of it."""

    create: Callable[[], Model]
    """Builds it without its weights."""
    dataset: str
    clips: int
    place: Path | None
    """Where a record goes."""
    against: DoctorRecord | None
    tolerance: float | None


@dataclass(frozen=True)
class _Found:
    """What was found out about a model."""

    examination: Examination
    comparison: RecordComparison | None


def _look_at_model(wanted: _Wanted, *, quiet: bool) -> _Found:
    """Examine, and as it is wanted write the record and compare; told on the way unless `quiet`."""
    from mma_eval.cli.console import output
    from mma_eval.eval.doctor.make_record import make_record
    from mma_eval.report.doctor import print_examination
    from mma_eval.report.doctor_record import print_against

    if not quiet:
        weights = _weights(wanted.create())
        output().print(f"\nweights: {weights}", markup=False, soft_wrap=True)
    dataset, stimuli, examination = _examine(wanted)
    if not quiet:
        print_examination(output(), examination)
    if wanted.place is None and wanted.against is None:
        return _Found(examination, None)
    record = make_record(wanted.create(), examination, stimuli, dataset)
    if wanted.place is not None:
        _save(wanted.place, record, quiet=quiet)
    if wanted.against is None:
        return _Found(examination, None)
    comparison = _compare(wanted.against, record, examination, wanted.tolerance)
    if not quiet:
        print_against(output(), wanted.against, comparison)
    return _Found(examination, comparison)


def _check_usage(
    model: str | None,
    model_args: str | None,
    adapter: Path | None,
    save: bool,
    file: Path | None,
    against: Path | None,
    tolerance: float | None,
) -> None:
    """Raise UsageError for options that need others."""
    if model is None and (model_args or adapter):
        raise UsageError("--model-args and --adapter need --model")
    if model is None and (save or against):
        raise UsageError("--save and --against need --model")
    if file is not None and not save:
        raise UsageError(f"'{file}' is the file of --save; give that too, or leave it out")
    if tolerance is not None and against is None:
        raise UsageError("--tolerance needs --against")


def _read(path: Path) -> DoctorRecord:
    from mma_eval.eval.doctor.record import read_record

    return read_record(path)


def _place(chosen: Path | None, create: Callable[[], Model]) -> Path:
    """Where the record goes; raises UsageError before anything is asked."""
    import re

    from mma_eval.eval.doctor.record import check_place

    name = re.sub(r"[^\w.-]", "-", create().card.name)
    place = Path(f"doctor-{name}.json") if chosen is None else chosen
    check_place(place)
    return place


def _clips_to_ask(
    dataset: str | None, clips: int | None, save: bool, record: DoctorRecord | None
) -> tuple[str, int]:
    """Dataset and number: as chosen, else as in the record, else the defaults."""
    if record is None:
        return dataset or DEFAULT_DATASET, clips or (SAVED_CLIPS if save else DEFAULT_CLIPS)
    source = dataset or record.clips.dataset
    if source is None:
        raise UsageError(
            "the record's clips come from a manifest that it does not hold; name it with --dataset"
        )
    return source, clips or len(record.clips.files)


def _save(place: Path, record: DoctorRecord, *, quiet: bool) -> None:
    from mma_eval.cli.console import output
    from mma_eval.eval.doctor.record import write_record
    from mma_eval.report.doctor_record import print_written

    size = write_record(place, record)
    if not quiet:
        print_written(output(), place, size, record)


def _compare(
    record: DoctorRecord, made: DoctorRecord, examination: Examination, tolerance: float | None
) -> RecordComparison:
    from mma_eval.eval.doctor.comparison import compare_records, default_tolerance

    allowed = default_tolerance(examination.checks) if tolerance is None else tolerance
    return compare_records(record, made, tolerance=allowed)


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


def _examine(wanted: _Wanted) -> tuple[Dataset, tuple[Stimulus, ...], Examination]:
    from mma_eval.cli.console import answer_bar
    from mma_eval.cli.download import allow_download
    from mma_eval.eval.doctor.examination import examine
    from mma_eval.eval.doctor.stimuli import draw_stimuli
    from mma_eval.task.dataset import open_dataset

    def allowed() -> Model:
        model = wanted.create()
        allow_download(model)
        return model

    with answer_bar("preparing the dataset") as bar:
        dataset = open_dataset(wanted.dataset, progress=bar.report)
        stimuli = draw_stimuli(dataset, wanted.clips)
    with answer_bar("asking") as bar:
        return dataset, stimuli, examine(allowed, stimuli, bar)


def _passed(installation: Installation, found: _Found | None) -> bool:
    from mma_eval.eval.doctor.checks import Verdict

    here = all(check.verdict is not Verdict.FAIL for check in installation.checks)
    if found is None or not here:
        return here
    agrees = found.comparison is None or found.comparison.verdict is Verdict.OK
    return found.examination.passed and agrees


def _print_json(installation: Installation, found: _Found | None) -> None:
    import json
    from dataclasses import asdict

    shown: dict[str, Any] = {
        "installation": asdict(installation),
        "examination": None if found is None else asdict(found.examination),
    }
    if found is not None and found.comparison is not None:
        shown["against"] = {
            "verdict": str(found.comparison.verdict),
            **asdict(found.comparison),
        }
    typer.echo(json.dumps(shown, indent=1, default=str))
