"""Where a subject's numbers come from: the model, the software, the settings, and what to mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.run import Run
from mma_eval.report.page.view import Fact, RunView
from mma_eval.types import Status

LINKED = ("https://", "http://")
"""A card may hold any text as an address."""


def subject_facts(subject: Subject) -> tuple[Fact, ...]:
    """What the model is, and what it was asked on."""
    card, settings = subject.manifest.card, subject.manifest.settings
    facts = [Fact("Family", card.family)]
    if card.parameters is not None:
        facts.append(Fact("Parameters", _parameters(card.parameters)))
    weights = " at ".join(part for part in (card.weights, card.revision) if part)
    if weights:
        facts.append(Fact("Weights", weights))
    if settings.adapter is not None:
        facts.append(Fact("Adapter", settings.adapter.name))
    facts.append(Fact("Licence", card.license))
    facts.append(
        Fact("Answers", "generated" if settings.answer_by == "generate" else "by likelihood")
    )
    facts += [
        Fact(name.capitalize(), address, address if address.startswith(LINKED) else None)
        for name, address in card.links.items()
    ]
    return tuple(facts)


def subject_warnings(subject: Subject) -> tuple[str, ...]:
    """What a reader has to know before believing the numbers."""
    return tuple(_warnings(subject))


def run_view(run: Run) -> RunView:
    """Command, versions, settings and hashes of one run."""
    manifest, settings = run.manifest, run.manifest.settings
    environment = manifest.environment
    decoding = settings.gen_kwargs.model_dump(exclude_none=True)
    facts = [
        Fact("Folder", str(run.folder)),
        Fact("Started", f"{manifest.started:%Y-%m-%d %H:%M} UTC"),
        Fact("Ended", f"{manifest.ended:%Y-%m-%d %H:%M} UTC"),
        Fact("Fingerprint", manifest.fingerprint),
        Fact("Seeds", _pairs(manifest.seeds)),
        Fact("mma-eval", environment.mma_eval),
        Fact("Commit", environment.git_commit or "an installed package"),
        Fact("Python", f"{environment.python} on {environment.platform}"),
        Fact("Packages", _pairs(environment.packages)),
        Fact("Backend", _pairs({k: v for k, v in environment.model.items() if v is not None})),
        Fact("Decoding", _pairs(decoding) or "as the tasks and the card say"),
        Fact("Limit", "all clips" if settings.limit is None else f"{settings.limit} clips"),
    ]
    facts += [
        Fact(f"Dataset {entry.name}", f"{entry.rows:,} rows, version {entry.version}")
        for entry in manifest.datasets
    ]
    tasks = tuple(
        Fact(task.name, f"version {task.version}, {task.hash}") for task in manifest.tasks
    )
    return RunView(manifest.command, tuple(fact for fact in facts if fact.value), tasks)


def _warnings(subject: Subject) -> Iterator[str]:
    scores, card = subject.scores, subject.manifest.card
    if scores.coverage is not None and scores.answered < scores.n:
        yield (
            f"Incomplete: {scores.answered:,} of {scores.n:,} samples are scored"
            f"{_reasons(subject)}. The next run of the same command asks the rest."
        )
    unproved = sum(
        sample.tokens is None and sample.status is Status.OK for sample in subject.samples
    )
    if unproved:
        yield (
            f"{unproved:,} answers came without token counts: nothing proves that picture and "
            "sound reached the model."
        )
    for run in subject.runs:
        if run.manifest.error is not None:
            yield f"The backend broke during a run: {run.manifest.error}"
    if (count := sum(score.not_applicable for score in scores.tasks)) > 0:
        yield f"{count:,} samples do not apply to this model, as its card declares."
    exposure = card.exposure
    for exposed, sentence in (
        (exposure.judged_clip_selection, "This model helped to select the benchmark's clips."),
        (exposure.tuned_on_training_split, "This model was tuned on the training split."),
        (exposure.trained_on_audioset_labels, "This model was trained on AudioSet's labels."),
    ):
        if exposed:
            yield f"{sentence} Its results are not independent of the data."


def _reasons(subject: Subject) -> str:
    """`: 3 timeout, 2 not asked yet`, or nothing."""
    counts: dict[str, int] = {}
    for score in subject.scores.tasks:
        for status, count in score.failures.items():
            name = status.value.replace("_", " ")
            counts[name] = counts.get(name, 0) + count
    if (unanswered := sum(score.unanswered for score in subject.scores.tasks)) > 0:
        counts["not asked yet"] = unanswered
    return ": " + ", ".join(f"{count:,} {name}" for name, count in counts.items()) if counts else ""


def _parameters(count: int) -> str:
    for unit, name in ((10**9, "billion"), (10**6, "million")):
        if count >= unit:
            return f"{count / unit:.2f}".rstrip("0").rstrip(".") + f" {name}"
    return f"{count:,}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
