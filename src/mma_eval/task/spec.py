"""The schema of a task file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, field_validator

from mma_eval.errors import UsageError, suggestion
from mma_eval.perturb.base import Perturbation
from mma_eval.perturb.parse import build_perturbation, check_chain

MetricName = Literal[
    "accuracy", "macro_accuracy", "attribution", "leak", "both_right", "abstention"
]
METRICS: tuple[str, ...] = get_args(MetricName)
AnswerForm = Literal["option", "final_answer", "letter"]


def _read_perturbation(step: Any) -> Any:
    """`name` or `name: {key: value}` as a perturbation; raises ValueError for pydantic to place."""
    if isinstance(step, Perturbation):
        return step
    if isinstance(step, str):
        step = {step: {}}
    if not isinstance(step, dict) or len(step) != 1:
        raise ValueError("a perturbation is a name, or one name with its parameters")
    ((name, parameters),) = step.items()
    try:
        return build_perturbation(str(name), parameters or {})
    except UsageError as error:
        raise ValueError(str(error)) from error


Step = Annotated[SerializeAsAny[Perturbation], BeforeValidator(_read_perturbation)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Generation(_Part):
    """Decoding settings of a task; what is unset comes from the model's card."""

    max_new_tokens: int = Field(32, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    repetition_penalty: float | None = Field(None, gt=0)


class Override(_Part):
    """What a variant or a control changes; everything else stays the task's."""

    description: str | None = None
    perturb: tuple[Step, ...] | None = None
    prompt: str | None = None
    before_media: str | None = None
    target: str | None = None
    answer: AnswerForm | None = None
    extra_options: tuple[str, ...] | None = None
    options_order: Literal["listed", "shuffled"] | None = None
    generation: Generation | None = None
    source: str | None = None


class TaskSpec(_Part):
    """A task file: one question about a clip under one condition."""

    task: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    description: str = ""
    ask: tuple[Literal["visual", "audio"], ...] | Literal["row"]
    dataset: str = "mma_bench"
    perturb: tuple[Step, ...] = ()
    prompt: str
    before_media: str = ""
    """Template of text before the media; empty for none."""
    target: str
    answer: AnswerForm = "option"
    extra_options: tuple[str, ...] = ()
    options_order: Literal["listed", "shuffled"] = "listed"
    generation: Generation = Generation(max_new_tokens=32)
    metrics: tuple[str, ...] = ("accuracy", "attribution")
    tags: tuple[str, ...] = ()
    order: int = 100
    """Place in lists and tables; the smaller the earlier."""
    version: int
    source: str | None = None
    variants: dict[str, Override] = {}
    controls: dict[str, Override] = {}
    """Companions that always run with the task, named `<task>.<control>`."""

    @field_validator("metrics")
    @classmethod
    def _known_metrics(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in METRICS:
                raise ValueError(f"unknown metric '{name}'{suggestion(name, METRICS)}")
        return names

    @field_validator("ask")
    @classmethod
    def _asks_something(cls, ask: Any) -> Any:
        if not ask:
            raise ValueError("name at least one of visual, audio, or 'row' for a question set")
        return ask

    @field_validator("perturb")
    @classmethod
    def _valid_chain(cls, steps: tuple[Perturbation, ...]) -> tuple[Perturbation, ...]:
        try:
            check_chain(steps)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return steps

    def overridden(self, change: Override) -> TaskSpec:
        """This task with the set fields of `change` in place of its own."""
        fields = {
            name: getattr(change, name)
            for name in change.model_fields_set
            if getattr(change, name) is not None
        }
        return self.model_copy(update=fields)
