"""What local backends share: where weights come from, what they run on, who answers.

Importing this module, or building a model, loads neither torch nor weights.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.models.base import DownloadPlan, Model, ModelArguments
from mma_eval.models.card import ModelCard, Scalar
from mma_eval.models.local import weights
from mma_eval.types import Answer, Group

if TYPE_CHECKING:
    from mma_eval.models.local.features import FeatureCache
    from mma_eval.models.local.group_answers import Asking, GroupAnswerer
    from mma_eval.models.local.placing import Placing


class LocalArguments(ModelArguments):
    """What `--model-args` may set for a model that runs here."""

    pretrained: str | None = None
    """Folder, `package:NAME` or hub id; the card's weights without it."""
    revision: str | None = None
    dtype: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto`: bf16 on a GPU, fp32 on a CPU."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    attention: Literal["sdpa", "flash_attention_2", "eager"] = "sdpa"
    batch_size: int = Field(default=16, ge=1)
    batch_mode: Literal["batched", "reference"] = "batched"
    """`reference` runs every question alone: in 16 bits a batch can flip a near tie."""
    answer_timeout: float | None = Field(default=None, gt=0)
    """Seconds that one batch of questions may take; answers unfinished by then fail."""
    prefill_chunk: int = Field(default=1024, ge=16)
    """Question tokens that go through the model at once."""
    feature_cache_mb: int = Field(default=1024, ge=0)
    accept_download: bool = False


class LocalModel(Model):
    """A model in memory behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = LocalArguments
    decodes_ahead: ClassVar[int] = 4
    reference_arguments: ClassVar[Mapping[str, Scalar] | None] = {"batch_mode": "reference"}

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.settings = cast("LocalArguments", arguments)
        self._answerer: GroupAnswerer[Any] | None = None

    @property
    def pretrained(self) -> str:
        chosen = self.settings.pretrained or self.card.weights
        if not chosen:
            raise UsageError(
                f"the card '{self.card.name}' names no weights; set --model-args pretrained=..."
            )
        return chosen

    @property
    def revision(self) -> str | None:
        """The card's revision pins the card's weights, not others chosen in their place."""
        if self.settings.revision or self.settings.pretrained:
            return self.settings.revision
        return self.card.revision

    @property
    def version(self) -> str:
        return f"{self.pretrained}@{self.revision}" if self.revision else self.pretrained

    @property
    def batch_size(self) -> int:
        return 1 if self.settings.batch_mode == "reference" else self.settings.batch_size

    @cached_property
    def small_files(self) -> Path:
        """The folder with configuration and tokenizer, fetched from the hub if need be."""
        return weights.small_files(self.pretrained, self.revision)

    @cached_property
    def device(self) -> str:
        """`cpu` or `cuda:N`; raises PrerequisiteError for a GPU that is not there."""
        import torch

        wanted = self.settings.device
        if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
            return "cpu"
        number = int(wanted.partition(":")[2] or 0)
        if number >= torch.cuda.device_count():
            raise PrerequisiteError(f"device={wanted}: torch sees no such GPU here")
        return f"cuda:{number}"

    @property
    def dtype(self) -> str:
        """`fp32`, `bf16` or `fp16`."""
        if self.settings.dtype != "auto":
            return self.settings.dtype
        return "fp32" if self.device == "cpu" else "bf16"

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What this family adds to whatever may change an answer, its weights included."""

    @abstractmethod
    def build(self) -> GroupAnswerer[Any]:
        """The model in memory and how it is asked; raises ModelError."""

    def fingerprint(self) -> str:
        parts = {
            **self.identity(),
            "dtype": self.dtype,
            "device": self.device.partition(":")[0],
            "attention": self.settings.attention,
            "batch": [self.settings.batch_mode, self.batch_size, self.settings.prefill_chunk],
            "transformers": _major_minor("transformers"),
            "torch": _major_minor("torch"),
        }
        digest = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{self.card.backend}:{digest}"

    def describe(self) -> dict[str, str | int | float | bool | None]:
        return {
            "weights": self.version,
            "device": self.device,
            "dtype": self.dtype,
            "attention": self.settings.attention,
            "batch_mode": self.settings.batch_mode,
            "batch_size": self.batch_size,
            "batch_halvings": self._answerer.halvings if self._answerer else 0,
            "transformers": installed_version("transformers"),
            "torch": installed_version("torch"),
        }

    def download_plan(self) -> DownloadPlan | None:
        return weights.download_plan(self.pretrained, self.revision)

    def accept_download(self) -> None:
        agreed = self.settings.model_copy(update={"accept_download": True})
        self.arguments = self.settings = agreed

    def load(self) -> None:
        if self._answerer is None:
            self._answerer = self.build()

    @property
    def answerer(self) -> GroupAnswerer[Any]:
        """The model in memory and how it is asked, for diagnosis."""
        self.load()
        assert self._answerer is not None
        return self._answerer

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            yield from self.answerer.answer(group)

    @property
    def asking(self) -> Asking:
        """How groups are asked, from the arguments and the card."""
        from mma_eval.models.local.group_answers import Asking

        return Asking(
            batch_size=self.batch_size,
            context_length=self.card.context_length,
            timeout=self.settings.answer_timeout,
            options_apart=self.settings.batch_mode == "reference"
            or self.settings.attention == "flash_attention_2",
            version=self.version,
        )

    @property
    def placing(self) -> Placing:
        """Where weights go and how they compute, from the arguments and this machine."""
        from mma_eval.models.local.placing import Placing

        settings = self.settings
        return Placing(self.device, self.dtype, settings.attention, settings.prefill_chunk)

    def new_feature_cache(self) -> FeatureCache:
        """An empty memory for encoded streams, as large as the arguments allow."""
        from mma_eval.models.local.features import FeatureCache

        return FeatureCache(self.settings.feature_cache_mb * 2**20)

    def fetched(self, pretrained: str, revision: str | None) -> Path:
        """The folder of a checkpoint, downloaded if the user has agreed."""
        agreed = self.settings.accept_download
        return weights.fetch(pretrained, revision, accept_download=agreed)


def _major_minor(package: str) -> str:
    return ".".join(installed_version(package).split(".")[:2])
