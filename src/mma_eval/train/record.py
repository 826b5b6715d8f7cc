"""What a tuning did, as `training.json` beside its adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mma_eval.json_file import read_json, write_json
from mma_eval.train.recipe import Recipe
from mma_eval.train.validation import Accuracy

RECORD_FILE = "training.json"
LARGEST_BYTES = 16_000_000


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class BaseRecord(_Record):
    """The model that was tuned; `fingerprint` covers its weights, arguments and software."""

    card: str
    weights: str
    revision: str | None
    license: str
    fingerprint: str


class DataRecord(_Record):
    """The clips: how many are in each part, and how many examples they make."""

    dataset: str
    version: str
    clips: dict[str, int]
    examples: dict[str, int]
    seen_classes: tuple[str, ...]
    unseen_classes: tuple[str, ...]


class Validated(_Record):
    """What the validation part said after `step` steps."""

    step: int
    accuracy: Accuracy


class TrainingRecord(_Record):
    """A tuning from its recipe to its best adapter."""

    status: Literal["running", "finished"] = "running"
    recipe: Recipe
    base: BaseRecord
    data: DataRecord
    processes: int
    precision: str
    device: str
    packages: dict[str, str]
    """Versions of what may change the outcome, mma-eval's own among them."""
    targets: str = ""
    """Pattern of the names of the modules that were tuned."""
    trained_parameters: int = 0
    before: Accuracy | None = None
    """Of the base model on the same draw of the validation part."""
    best: Validated | None = None
    """Of the adapter that was kept; the last one where nothing was validated."""
    steps: int = 0
    seconds: float = 0.0


def write_record(folder: Path, record: TrainingRecord) -> None:
    """Write `training.json` whole; raises StoreError."""
    write_json(folder / RECORD_FILE, record)


def read_record(folder: Path) -> TrainingRecord | None:
    """The record of a training's folder, None where there is none; raises FileError."""
    path = folder / RECORD_FILE
    if not path.is_file():
        return None
    return read_json(path, TrainingRecord, LARGEST_BYTES, "the record of a training")


def differences(old: TrainingRecord, new: TrainingRecord) -> list[str]:
    """What keeps `new` from going on where `old` stopped, in words."""
    was, now = (_flat(record.recipe.model_dump(mode="json")) for record in (old, new))
    found = [
        f"{key} was {_shown(before)} and is {_shown(value)}"
        for (key, before), (_, value) in zip(was, now, strict=True)
        if before != value
    ]
    if old.base.fingerprint != new.base.fingerprint:
        changed = _changed_packages(old, new)
        found.append(f"the base model or its software differs{changed}")
    if old.data != new.data:
        found.append(f"the clips of {new.data.dataset} differ")
    if old.processes != new.processes:
        found.append(f"it ran in {old.processes} processes and now runs in {new.processes}")
    return found


def _changed_packages(old: TrainingRecord, new: TrainingRecord) -> str:
    changed = [
        f"{name} {version} then"
        for name, version in old.packages.items()
        if new.packages.get(name) != version
    ]
    return f" ({', '.join(changed)})" if changed else ""


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key; free mappings count as one value."""
    for key, value in values.items():
        if isinstance(value, dict) and key != "model_args":
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
