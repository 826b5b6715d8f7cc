"""The objects that cross floors: samples, questions, answers and what may become of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from mma_eval.media.source import Media

Ask = Literal["visual", "audio", "both"]
Stream = Literal["visual", "audio"]

NONE_OF_THE_ABOVE = "None of the above"


class Status(StrEnum):
    """What happened to the call; whether the answer is right is an `Outcome`."""

    OK = "ok"
    REFUSED = "refused"
    CONTEXT_OVERFLOW = "context_overflow"
    DECODE_ERROR = "decode_error"
    OUT_OF_MEMORY = "out_of_memory"
    API_ERROR = "api_error"
    TIMEOUT = "timeout"
    MODALITY_MISSING = "modality_missing"
    NOT_APPLICABLE = "not_applicable"


FAILURES = frozenset(
    {
        Status.DECODE_ERROR,
        Status.OUT_OF_MEMORY,
        Status.API_ERROR,
        Status.TIMEOUT,
        Status.MODALITY_MISSING,
    }
)
"""Failures of the machinery: out of every denominator, retried by the next run."""


class Outcome(StrEnum):
    """What an answer says about its question."""

    CORRECT = "correct"
    WRONG = "wrong"
    ABSTAINED = "abstained"
    AMBIGUOUS = "ambiguous"
    UNPARSED = "unparsed"


class Attribution(StrEnum):
    """Where a wrong answer to a choice question came from."""

    OTHER_MODALITY = "other_modality"
    CAPTION = "caption"
    REMOVED = "removed"
    ABSTENTION = "abstention"
    OTHER_OPTION = "other_option"
    SEVERAL_OPTIONS = "several_options"
    NOTHING = "nothing"


class Evidence(StrEnum):
    """How the number of tokens that reached the model is known."""

    COUNTED = "counted"
    REPORTED = "reported"
    CANARY = "canary"
    JOINT = "joint"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens fed to the model, by modality; None where the evidence cannot tell."""

    text: int | None
    video: int | None
    audio: int | None
    evidence: Evidence


@dataclass(frozen=True)
class Seeds:
    """Independent seeds, so that repeating one draw leaves the others as they are."""

    pairing: int = 0
    draw: int = 0
    sampling: int = 0
    options: int = 0
    text: int = 0

    @classmethod
    def all(cls, seed: int) -> Seeds:
        return cls(seed, seed, seed, seed, seed)


@dataclass(frozen=True, slots=True)
class Labels:
    """What is seen and what is heard in the sample as the model gets it."""

    visual: str | None
    audio: str | None

    @property
    def conflict(self) -> bool:
        return None not in (self.visual, self.audio) and self.visual != self.audio

    def of(self, ask: Ask) -> str | None:
        return {"visual": self.visual, "audio": self.audio, "both": None}[ask]

    def other(self, ask: Ask) -> str | None:
        return {"visual": self.audio, "audio": self.visual, "both": None}[ask]


@dataclass(frozen=True)
class Filler:
    """Irrelevant text around the question; `recipe` says how to make it again."""

    text: str
    place: Literal["before", "after"]
    recipe: str
    tokens: int | None
    """Length under the model's tokenizer, None where it was cut by words."""


@dataclass(frozen=True)
class Sample:
    """One clip asked about one modality; perturbations return changed copies."""

    clip: str
    ask: Ask
    media: Media
    labels: Labels
    options: tuple[str, ...]
    video_source: str | None
    audio_source: str | None
    row: str = ""
    """Id of the manifest row, where several rows share a clip (question sets)."""
    question: str | None = None
    answer: str | None = None
    caption: str | None = None
    """The class that a misleading caption names."""
    filler: Filler | None = None
    removed: frozenset[Stream] = frozenset()
    """Streams whose content a perturbation took away."""
    perturbations: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.row or self.clip}/{self.ask}"

    @property
    def clips(self) -> frozenset[str]:
        """Every clip whose file it takes to ask this."""
        return frozenset(filter(None, (self.clip, self.video_source, self.audio_source)))

    def perturbed(self, name: str) -> Sample:
        """The same sample with one more perturbation on its record."""
        return replace(self, perturbations=(*self.perturbations, name))


@dataclass(frozen=True)
class Generate:
    """Ask for text; temperature 0 is greedy."""

    max_new_tokens: int = 32
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0

    @property
    def sampled(self) -> bool:
        return self.temperature > 0


@dataclass(frozen=True)
class ScoreOptions:
    """Ask for the log-likelihood of each option as the whole answer."""

    options: tuple[str, ...]


Request = Generate | ScoreOptions


@dataclass(frozen=True)
class Question:
    """Rendered text around the media, and what is wanted."""

    id: str
    before_media: str
    after_media: str
    request: Request


@dataclass(frozen=True)
class Group:
    """One media, one text before it, and every question that shares them."""

    media: Media
    before_media: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class OptionScore:
    """Log-likelihood of one option; `tokens` lets a reader normalise by length."""

    option: str
    log_likelihood: float
    tokens: int


@dataclass(frozen=True)
class Answer:
    """What a backend returns for one question; `status` is a fact of the call."""

    question_id: str
    status: Status
    text: str | None = None
    option_scores: tuple[OptionScore, ...] = ()
    tokens: TokenCounts | None = None
    seconds: float | None = None
    finish_reason: str | None = None
    model_version: str | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    """What was unusual about how the answer came about, for example a smaller batch."""


class TextTokenizer(Protocol):
    """Measures and cuts text in the model's own tokens, without its weights."""

    @property
    def name(self) -> str: ...

    def count(self, text: str) -> int: ...

    def cut(self, text: str, tokens: int) -> str:
        """The longest head of `text` of at most `tokens` tokens."""
        ...
