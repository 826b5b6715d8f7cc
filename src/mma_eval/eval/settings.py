"""What a run was asked to do: the command line, a config file or Python, as one object."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mma_eval.errors import FileError, UsageError, suggestion
from mma_eval.types import Seeds
from mma_eval.yaml_file import YamlFile, describe_fault, read_yaml

SEED_NAMES = tuple(Seeds.__dataclass_fields__)
AnswerBy = Literal["generate", "likelihood"]
NOT_OF_THE_RESULT = {
    "output_path",
    "predict_only",
    "fresh",
    "fail_fast",
    "stall_limit",
    "include_path",
    "tasks",
    "batch_size",
}
"""Settings that change where or how a run is made, not what comes of it."""


class GenerationOverrides(BaseModel):
    """`--gen-kwargs`: decoding settings for every task of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_new_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    repetition_penalty: float | None = Field(None, gt=0)


class RunSettings(BaseModel):
    """One run; the same keys serve `--config FILE`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    tasks: tuple[str, ...]
    dataset: str | None = None
    split: str | None = None
    perturb: tuple[str, ...] = ()
    limit: int | None = Field(None, ge=1)
    seed: int | dict[str, int] = 0
    model_args: dict[str, Any] = {}
    adapter: Path | None = None
    batch_size: int | None = Field(None, ge=1)
    gen_kwargs: GenerationOverrides = GenerationOverrides()
    answer_by: AnswerBy = "generate"
    output_path: Path = Path("results")
    include_path: tuple[Path, ...] = ()
    predict_only: bool = False
    fresh: bool = False
    fail_fast: bool = False
    stall_limit: float | None = Field(None, gt=0)
    """Seconds without an answer after which the run ends."""

    @field_validator("tasks", "perturb", "include_path", mode="before")
    @classmethod
    def _split_commas(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.split(",") if info.field_name == "tasks" else [value]

    @field_validator("seed")
    @classmethod
    def _known_seeds(cls, seed: int | dict[str, int]) -> int | dict[str, int]:
        if isinstance(seed, dict):
            for name in seed:
                if name not in SEED_NAMES:
                    raise ValueError(f"unknown seed '{name}'{suggestion(name, SEED_NAMES)}")
        return seed

    @property
    def seeds(self) -> Seeds:
        """Separate seeds; an integer sets them all."""
        if isinstance(self.seed, int):
            return Seeds.all(self.seed)
        return Seeds(**self.seed)

    def arguments(self) -> dict[str, Any]:
        """Model arguments, with the options that are arguments under a shorter name."""
        given = dict(self.model_args)
        for name, value in (("adapter", self.adapter), ("batch_size", self.batch_size)):
            if value is None:
                continue
            if name in given:
                raise UsageError(
                    f"--{name.replace('_', '-')} is also in --model-args; give it once"
                )
            given[name] = value
        return given

    def identity(self, dataset_version: str, task_hashes: dict[str, str]) -> str:
        """Hash of the resolved configuration: what names the run's folder."""
        relevant = self.model_dump_json(exclude=NOT_OF_THE_RESULT)
        tasks = "\x1f".join(f"{name}={value}" for name, value in sorted(task_hashes.items()))
        return sha256("\x1e".join((relevant, dataset_version, tasks)).encode()).hexdigest()[:12]


def settings_from(values: dict[str, Any], config: Path | None) -> RunSettings:
    """Settings from a config file and from given values, which win.

    Raises FileError for a fault in the file, UsageError for one in the values.
    """
    (settings,) = settings_by_seed(values, config)
    return settings


def settings_by_seed(values: dict[str, Any], config: Path | None) -> list[RunSettings]:
    """One settings object for each of `seeds`, in either place; one in all without them."""
    given = {key: value for key, value in values.items() if value not in (None, (), [], {})}
    file = None if config is None else read_yaml(config)
    merged = {**(file.data if file else {}), **given}
    if {"seed", "seeds"} <= given.keys():
        raise UsageError("--seed and --seeds exclude each other")
    seeds = None if "seed" in given else merged.get("seeds")
    merged.pop("seeds", None)
    for key in merged:
        if key not in RunSettings.model_fields:
            problem = f"unknown key '{key}'{suggestion(str(key), RunSettings.model_fields)}"
            raise FileError(config or "", problem, line=file.line((key,)) if file else None)
    for name in ("model", "tasks"):
        if not merged.get(name):
            raise UsageError(f"--{name} is missing; see mma-eval ls {name.rstrip('s')}s")
    if seeds is None:
        return [_checked(merged, given, file)]
    if not isinstance(seeds, list | tuple) or not all(isinstance(seed, int) for seed in seeds):
        raise FileError(
            config or "",
            "'seeds' is a list of whole numbers",
            line=file.line(("seeds",)) if file else None,
        )
    return [_checked({**merged, "seed": seed}, given, file) for seed in seeds]


def _checked(merged: dict[str, Any], given: dict[str, Any], file: YamlFile | None) -> RunSettings:
    try:
        return RunSettings.model_validate(merged)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        location = tuple(fault["loc"])
        sentence = describe_fault(RunSettings, location, fault)
        if file is not None and str(location[0]) not in given:
            raise FileError(file.path, sentence, line=file.line(location)) from error
        raise UsageError(sentence) from error
