"""Effects as data: `effects.json`, whole, and `effects.csv`, one row a point of a curve."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mma_eval.diagnose.measured import QueryKind
from mma_eval.diagnose.origin import Origin
from mma_eval.errors import StoreError
from mma_eval.json_file import read_json, write_json
from mma_eval.types import Ask
from mma_eval.whole_file import replacing

Statistic = Literal["by mass", "per token"]
"""What an observation is. By mass: a stream's share of a sample's attention to video and audio;
heads are averaged for a layer, layers for a head. Per token: the share of every single token, in
every head (or layer) of every sample, so that long streams give many observations."""
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
Axis = Literal["layer", "head"]
AXES: tuple[Axis, ...] = get_args(Axis)
EffectStream = Literal["video", "audio"]
EFFECT_STREAMS: tuple[EffectStream, ...] = get_args(EffectStream)

EFFECTS_FILE = "effects.json"
TABLE_FILE = "effects.csv"
COLUMNS = (
    *("model", "adapter", "condition", "statistic", "stream", "axis", "index"),
    *("d", "low", "high", "n"),
)
LARGEST_BYTES = 64_000_000


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )


class Curve(_Part):
    """Cohen's d over layers or heads: attention to a stream when sight is asked about, against
    when sound is. Positive: more under the visual question.

    None where d is undefined, or has no interval. Intervals are 95 %, by resampling clips.
    """

    condition: str
    statistic: Statistic
    stream: EffectStream
    axis: Axis
    d: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    clips: int
    """Measured under both questions."""

    @model_validator(mode="after")
    def _is_even(self) -> Curve:
        if not len(self.d) == len(self.low) == len(self.high):
            raise ValueError("d, low and high are of different lengths")
        return self


class Magnitude(_Part):
    """The mean of |d| over the layers, with its 95 % interval.

    `chance` is what the same spread alone would give, were there no difference at all.
    """

    condition: str
    statistic: Statistic
    stream: EffectStream
    value: float | None
    low: float | None
    high: float | None
    chance: float | None
    clips: int


class Contrast(_Part):
    """Mean |d| of `condition` less that of `baseline`, over the clips of both, resampled together.

    Within one run the baseline is another condition; after tuning it is the same one before.
    """

    condition: str
    baseline: str
    statistic: Statistic
    stream: EffectStream
    value: float | None
    low: float | None
    high: float | None
    clips: int


class TextShare(_Part):
    """The share of all attention that text tokens receive, mean over samples and heads."""

    task: str
    ask: Ask
    condition: str
    overall: float
    """Mean over layers too."""
    layers: tuple[float, ...]
    samples: Annotated[int, Field(gt=0)]


class Effects(_Part):
    """What one run of attention shows."""

    origin: Origin
    query: QueryKind
    layers: Annotated[int, Field(gt=0, le=1_000)]
    heads: Annotated[int, Field(gt=0, le=1_000)]
    text: tuple[TextShare, ...]
    curves: tuple[Curve, ...]
    magnitudes: tuple[Magnitude, ...]
    contrasts: tuple[Contrast, ...]
    """Every other condition against the aligned one."""

    @model_validator(mode="after")
    def _is_of_one_shape(self) -> Effects:
        length = {"layer": self.layers, "head": self.heads}
        for curve in self.curves:
            if len(curve.d) != length[curve.axis]:
                raise ValueError(f"a curve of {curve.condition} has not one d a {curve.axis}")
        if not self.text or any(len(one.layers) != self.layers for one in self.text):
            raise ValueError("the text shares are not one a layer")
        return self

    @property
    def conditions(self) -> tuple[str, ...]:
        """Those with a curve, in the order measured."""
        return tuple(dict.fromkeys(curve.condition for curve in self.curves))

    @property
    def text_share(self) -> float:
        """Of all samples, layers and heads."""
        samples = sum(one.samples for one in self.text)
        return sum(one.overall * one.samples for one in self.text) / samples

    def curve(
        self, condition: str, statistic: Statistic, stream: EffectStream, axis: Axis
    ) -> Curve | None:
        wanted = (condition, statistic, stream, axis)
        for one in self.curves:
            if (one.condition, one.statistic, one.stream, one.axis) == wanted:
                return one
        return None


class AttentionEffects(_Part):
    """`effects.json`: a run, and the one before its adapter where there is one."""

    format: Literal[1] = 1
    measured: Effects
    before: Effects | None = None
    changes: tuple[Contrast, ...] = ()
    """After less before, condition by condition."""

    @model_validator(mode="after")
    def _is_of_one_model(self) -> AttentionEffects:
        if len({(run.layers, run.heads) for run in self.runs}) > 1:
            raise ValueError("before and after have other layers or heads")
        return self

    @property
    def runs(self) -> tuple[Effects, ...]:
        """The earlier one first."""
        return (self.measured,) if self.before is None else (self.before, self.measured)

    def save(self, folder: Path) -> None:
        """Write `effects.json` and `effects.csv`, each whole; raises StoreError."""
        path = folder / TABLE_FILE
        write_json(folder / EFFECTS_FILE, self)
        try:
            with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as out:
                table = csv.writer(out, lineterminator="\n")
                table.writerow(COLUMNS)
                for run in self.runs:
                    table.writerows(_rows(run))
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror})") from error

    @classmethod
    def load(cls, folder: Path) -> AttentionEffects:
        """Read `effects.json`; raises FileError."""
        return read_json(folder / EFFECTS_FILE, cls, LARGEST_BYTES, "the effects of a diagnosis")


def _rows(run: Effects) -> list[tuple[str | int | float, ...]]:
    return [
        (
            *(run.origin.model, run.origin.adapter or ""),
            *(curve.condition, curve.statistic, curve.stream),
            *(curve.axis, index),
            *("" if value is None else value for value in point),
            curve.clips,
        )
        for curve in run.curves
        for index, point in enumerate(zip(curve.d, curve.low, curve.high, strict=True))
    ]
