"""What two sides of a comparison have to share, and what they may differ in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mma_eval.eval.analysis.operands import Operand
from mma_eval.eval.analysis.pairing import Pair
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.manifest import DatasetEntry, RunManifest, TaskEntry
from mma_eval.metrics.words import same_name

LONGEST = 60


class Difference(BaseModel):
    """A field in which the two sides differ, with both values in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    first: str
    second: str

    def sentence(self) -> str:
        letters = zip(self.first, self.second, strict=False)
        shorter = min(len(self.first), len(self.second))
        shared = next((at for at, (one, two) in enumerate(letters) if one != two), shorter)
        first, second = (_around(text, shared) for text in (self.first, self.second))
        return f"{self.what} ({first} against {second})"


def confounds(
    first: Operand, second: Operand, tasks: tuple[str, str], pairs: Sequence[Pair[SampleRecord]]
) -> Iterator[Difference]:
    """Differences that make two accuracies incomparable, field by field.

    Two conditions differ in what their tasks say, for that is what is compared.
    """
    one, two = first.entry(tasks[0]), second.entry(tasks[1])
    manifests = (first.subject.manifest, second.subject.manifest)
    data = [_dataset(m, entry) for m, entry in zip(manifests, (one, two), strict=True)]
    if data[0].version != data[1].version:
        yield from _differ("dataset", *(f"{d.name} {d.version}" for d in data))
    yield from _differ("modality asked", one.ask, two.ask)
    if one.name == two.name:
        yield from _task_content(one, two, pairs)
    yield from _differ("answering by", *(m.settings.answer_by for m in manifests))
    yield from _differ("decoding", *(_decoding(m) for m in manifests))
    yield from _differ("options", *_options(pairs))
    yield from _differ("right answer", *_targets(pairs))
    yield from _differ("mma-eval version", *(m.environment.mma_eval for m in manifests))


def contrasts(
    first: Operand, second: Operand, tasks: tuple[str, str], pairs: Sequence[Pair[SampleRecord]]
) -> Iterator[Difference]:
    """Differences that a comparison is about: model, adapter, seeds, condition."""
    manifests = (first.subject.manifest, second.subject.manifest)
    named = [
        *_differ("model", *(m.card.name for m in manifests)),
        *_differ("adapter", *(_adapter(m.settings.adapter) for m in manifests)),
    ]
    yield from named
    how = list(_how_they_ran(*manifests))
    yield from how
    # A changed checkpoint under one name and with the same arguments shows in nothing else.
    if not named and not how:
        yield from _differ("weights", *(m.fingerprint for m in manifests))
    yield from _differ("seeds", *(_pairs_of(m.seeds) for m in manifests))
    one, two = first.entry(tasks[0]), second.entry(tasks[1])
    if one.name != two.name:
        yield from _differ("condition", _condition(one), _condition(two))
        yield from _differ("prompt", *_prompts(pairs))
        yield from _differ("how answers are read", one.answer, two.answer)


def _how_they_ran(one: RunManifest, two: RunManifest) -> Iterator[Difference]:
    """Arguments of the backend, what it says of itself, and the libraries, where they differ."""
    for what, values in (
        ("model arguments", (one.settings.model_args, two.settings.model_args)),
        ("how the model ran", (one.environment.model, two.environment.model)),
        ("libraries", (one.environment.packages, two.environment.packages)),
    ):
        first, second = values
        names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
        yield from _differ(
            what,
            *(_pairs_of({name: side.get(name, "none") for name in names}) for side in values),
        )


def _task_content(
    one: TaskEntry, two: TaskEntry, pairs: Sequence[Pair[SampleRecord]]
) -> Iterator[Difference]:
    name = one.name
    yield from _differ(f"version of {name}", str(one.version), str(two.version))
    yield from _differ(f"perturbations of {name}", _condition(one), _condition(two))
    yield from _differ(f"how answers to {name} are read", one.answer, two.answer)
    if one.hash != two.hash:
        prompts = list(_differ(f"prompt of {name}", *_prompts(pairs)))
        yield from prompts or _differ(f"content of {name}", one.hash, two.hash)


def _differ(what: str, *values: str) -> Iterator[Difference]:
    if values[0] != values[1]:
        yield Difference(what=what, first=values[0], second=values[1])


def _dataset(manifest: RunManifest, entry: TaskEntry) -> DatasetEntry:
    return next(dataset for dataset in manifest.datasets if dataset.name == entry.dataset)


def _decoding(manifest: RunManifest) -> str:
    """What was in force: the command's settings, else the card's."""
    given = manifest.settings.gen_kwargs.model_dump(exclude_none=True)
    return _pairs_of({**manifest.card.decoding.model_dump(), **given})


def _options(pairs: Sequence[Pair[SampleRecord]]) -> tuple[str, str]:
    """The options of the first pair that was offered other ones; their order is a seed's."""
    for pair in pairs:
        if set(pair.first.options) != set(pair.second.options):
            return ", ".join(pair.first.options), ", ".join(pair.second.options)
    return "", ""


def _targets(pairs: Sequence[Pair[SampleRecord]]) -> tuple[str, str]:
    """The targets of the first pair whose question has another answer."""
    for pair in pairs:
        if not same_name(pair.first.target, pair.second.target):
            return pair.first.target, pair.second.target
    return "", ""


def _prompts(pairs: Sequence[Pair[SampleRecord]]) -> tuple[str, str]:
    """The prompts of the first pair that was asked in other words."""
    for pair in pairs:
        if pair.first.prompt != pair.second.prompt:
            return pair.first.prompt, pair.second.prompt
    return "", ""


def _condition(entry: TaskEntry) -> str:
    steps = []
    for step in entry.perturbations:
        parameters = _pairs_of({key: value for key, value in step.items() if key != "name"})
        steps.append(f"{step['name']} {parameters}".strip())
    return " + ".join(steps) or "no perturbation"


def _adapter(path: Path | None) -> str:
    return "none" if path is None else str(path)


def _pairs_of(values: dict[str, object] | dict[str, int]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _around(text: str, place: int) -> str:
    """A long text from shortly before `place` on."""
    if len(text) <= LONGEST:
        return text
    start = max(0, min(place - LONGEST // 3, len(text) - LONGEST))
    end = start + LONGEST
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"
