"""Making a submission from finished runs of one model on one dataset version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mma_eval import __version__
from mma_eval.errors import CardError, MmaEvalError, UsageError
from mma_eval.eval.analysis.subject import find_runs
from mma_eval.eval.doctor.make_record import COUNTED_WHILE_RUNNING
from mma_eval.eval.doctor.striking import Striking
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.manifest import RunManifest, now
from mma_eval.eval.run import Run
from mma_eval.leaderboard.adapter import submitted_adapter
from mma_eval.leaderboard.claims import claims_of
from mma_eval.leaderboard.findings import such_as
from mma_eval.leaderboard.plain_text import shown
from mma_eval.leaderboard.submission import (
    LONGEST_ANSWER,
    LONGEST_TEXT,
    Header,
    SubmittedAnswer,
    SubmittedScore,
    SubmittedTokens,
    prompt_digest,
)
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model

DECIDING = (
    "name",
    "backend",
    "weights",
    "revision",
    "inputs",
    "context_length",
    "system_prompt",
    "arguments",
    "decoding",
    "limits",
)
"""What a card says that may change an answer; the rest may be said better later."""


@dataclass(frozen=True)
class Prepared:
    """A submission that is ready to be written."""

    header: Header
    answers: tuple[SubmittedAnswer, ...]


def prepare(
    folders: Sequence[Path], card_name: str, *, submitter: str | None, contact: str | None
) -> Prepared:
    """A submission from runs alone; `card_name` is a card's file, or the name of one that ships.

    Raises UsageError for runs that make no one row, CardError for a card that is not theirs.
    Machine paths, names of user and host, addresses and keys are struck out of it.
    """
    runs = [Run.read(folder) for path in folders for folder in find_runs(path)]
    _check_alike(runs)
    _check_tasks(runs)
    _check_answers(runs)
    card = CardCatalogue().get(card_name)
    place = card.path or Path(card_name)
    newest = max(runs, key=lambda run: run.manifest.ended).manifest
    _check_card(card, newest.card, place)
    striking = Striking(_model_of(newest))
    samples = [sample for run in runs for sample in run.samples]
    by_task: dict[str, list[SampleRecord]] = {
        task.name: [] for run in runs for task in run.manifest.tasks
    }
    for sample in samples:
        by_task[sample.task].append(sample)
    dataset = newest.datasets[0]
    header = {
        "made": now().replace(microsecond=0),
        "card": _card(card, striking),
        "adapter": submitted_adapter(newest, striking),
        "dataset": {
            "name": striking.from_report(dataset.name),
            "version": dataset.version,
            "rows": dataset.rows,
            "vanished": dataset.vanished,
        },
        "runs": tuple(_run(run.manifest, striking) for run in runs),
        "claimed": claims_of(by_task),
        "answers": len(samples),
        "submitter": submitter,
        "contact": contact,
    }
    try:
        checked = Header.model_validate(header)
    except ValidationError as error:
        raise _fault(error, place) from error
    return Prepared(checked, tuple(_answer(sample, striking) for sample in samples))


def _check_alike(runs: Sequence[Run]) -> None:
    """Every run of one row is of one model, under one set of settings, on the same clips."""
    sameness: tuple[tuple[str, Callable[[RunManifest], object]], ...] = (
        ("models", lambda m: m.card.name),
        ("adapters", lambda m: str(m.settings.arguments().get("adapter"))),
        ("dataset versions", lambda m: sorted(d.version for d in m.datasets)),
        ("vanished clips", lambda m: [d.vanished for d in m.datasets]),
        ("seeds", lambda m: m.seeds),
        ("splits", lambda m: m.settings.split),
        ("ways to answer", lambda m: m.settings.answer_by),
        ("generation settings", lambda m: m.settings.gen_kwargs.model_dump_json()),
        ("cards", lambda m: [getattr(m.card, name) for name in DECIDING]),
        ("weights, arguments or kernels", lambda m: m.fingerprint),
    )
    for what, of in sameness:
        found = [of(run.manifest) for run in runs]
        for run, value in zip(runs, found, strict=True):
            if value != found[0]:
                told = f": {found[0]} and {value}" if isinstance(value, str | dict) else ""
                raise UsageError(
                    f"{runs[0].folder} and {run.folder} are of different {what}"
                    f"{shown(told, 300)}; a row is one model on one dataset version under one set "
                    "of settings, so submit them apart"
                )
    for run in runs:
        if len(run.manifest.datasets) != 1:
            names = ", ".join(dataset.name for dataset in run.manifest.datasets)
            raise UsageError(f"{run.folder} is of several datasets ({names}); run them apart")


def _check_tasks(runs: Sequence[Run]) -> None:
    holder: dict[str, Path] = {}
    for run in runs:
        for task in run.manifest.tasks:
            if task.name in holder:
                raise UsageError(
                    f"{task.name} is in {holder[task.name]} and in {run.folder}; leave one of "
                    "them out, so that nobody has to choose between two results"
                )
            holder[task.name] = run.folder


def _check_answers(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.manifest.scores is None:
            raise UsageError(
                f"{run.folder} has not been scored; mma-eval score {run.folder} does that"
            )
        if failed := run.failures:
            raise UsageError(
                f"{run.folder}: the machinery failed on {such_as(s.id for s in failed)}, and that "
                "bars a row; the same run command asks them again"
            )
        planned = sum(task.samples for task in run.manifest.tasks)
        if len(run.samples) < planned:
            raise UsageError(
                f"{run.folder} has {len(run.samples)} of {planned} samples; the same run command "
                "asks the rest"
            )
        for sample in run.samples:
            if sample.answer is not None and len(sample.answer) > LONGEST_ANSWER:
                raise UsageError(
                    f"{run.folder}: the answer to {sample.task}:{sample.id} has "
                    f"{len(sample.answer):,} characters, and a submission takes {LONGEST_ANSWER:,};"
                    " give the model fewer new tokens"
                )

    letters = sum(len(sample.answer or "") for run in runs for sample in run.samples)
    if letters > LONGEST_TEXT:
        raise UsageError(
            f"the answers have {letters:,} characters in all, and a submission takes "
            f"{LONGEST_TEXT:,}; give the model fewer new tokens"
        )


def _check_card(card: ModelCard, recorded: ModelCard, path: Path) -> None:
    for name in DECIDING:
        given, ran = getattr(card, name), getattr(recorded, name)
        if given != ran:
            raise CardError(
                path,
                f"says {name}: {shown(str(given))}, and the runs were made with "
                f"{shown(str(ran))}; give the card that they were made with",
            )


def _model_of(manifest: RunManifest) -> Model:
    """The model without its weights, for the keys and paths that it knows.

    Where its backend is not here (a class of somebody's own script), any model stands in: what is
    struck then is what looks like a path, an address or a key.
    """
    try:
        return create_model(manifest.card, manifest.settings.arguments())
    except MmaEvalError:
        return create_model(CardCatalogue().get("mock"))


def _card(card: ModelCard, striking: Striking) -> dict[str, Any]:
    told = card.model_dump(exclude={"path", "reported"})
    told["arguments"] = {
        name: striking.argument(name, value) if isinstance(value, str) else value
        for name, value in card.arguments.items()
    }
    if card.weights is not None:
        told["weights"] = striking.from_report(card.weights)
    for name in ("notes", "system_prompt"):
        if told[name] is not None:
            told[name] = striking.from_content(told[name])
    return told


def _run(manifest: RunManifest, striking: Striking) -> dict[str, Any]:
    settings, environment = manifest.settings, manifest.environment
    return {
        "started": manifest.started,
        "ended": manifest.ended,
        "asked": manifest.asked,
        "fingerprint": sha256(manifest.fingerprint.encode()).hexdigest(),
        "seeds": manifest.seeds,
        "limit": settings.limit,
        "split": settings.split,
        "answer_by": settings.answer_by,
        "generation": settings.gen_kwargs.model_dump(),
        "arguments": {
            name: striking.argument(name, value) for name, value in settings.model_args.items()
        },
        "mma_eval": environment.mma_eval or __version__,
        "git_commit": environment.git_commit,
        "python": environment.python,
        "platform": striking.from_report(environment.platform),
        "packages": environment.packages,
        "described": {
            name: striking.described(name, value)
            for name, value in environment.model.items()
            if name not in COUNTED_WHILE_RUNNING
        },
        "tasks": tuple(
            {
                "name": task.name,
                "version": task.version,
                "hash": task.hash,
                "samples": task.samples,
                "temperature": task.temperature,
            }
            for task in manifest.tasks
        ),
    }


def _answer(sample: SampleRecord, striking: Striking) -> SubmittedAnswer:
    tokens = sample.tokens
    return SubmittedAnswer(
        task=sample.task,
        id=sample.id,
        prompt=prompt_digest(sample.prompt),
        status=sample.status,
        answer=None if sample.answer is None else striking.from_content(sample.answer),
        scores=tuple(
            SubmittedScore(
                option=score.option, log_likelihood=score.log_likelihood, tokens=score.tokens
            )
            for score in sample.option_scores
        ),
        tokens=None
        if tokens is None
        else SubmittedTokens(
            text=tokens.text, video=tokens.video, audio=tokens.audio, evidence=tokens.evidence
        ),
    )


def _fault(error: ValidationError, card_path: Path) -> MmaEvalError:
    """The first fault, placed where the user can mend it."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = tuple(str(part) for part in fault["loc"])
    said = str(fault["msg"]).removeprefix("Value error, ")
    if place[0] == "card":
        return CardError(card_path, f"{'.'.join(place[1:])}: {said}")
    option = {"submitter": "--by", "contact": "--contact"}.get(place[0])
    return UsageError(f"{option or '.'.join(place)}: {said}")
