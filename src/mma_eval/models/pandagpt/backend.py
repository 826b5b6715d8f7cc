"""PandaGPT: ImageBind's vectors of picture and sound as one soft token of Vicuna's.

Importing this module, or building the model, loads neither torch nor weights.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.media.policy import Sampling
from mma_eval.models.base import DownloadPlan, ModelArguments
from mma_eval.models.local import weights
from mma_eval.models.local.model import LocalArguments, LocalModel
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.imagebind_sampling import ImageBindSampling
from mma_eval.models.pandagpt.parts import PartNames, Parts, find_parts
from mma_eval.types import TextTokenizer

if TYPE_CHECKING:
    from mma_eval.models.local.embedded_answers import EmbeddedAnswerer
    from mma_eval.models.pandagpt.family import PandaGPTFamily


class PandaGPTArguments(LocalArguments):
    """What `--model-args` may set for PandaGPT; `pretrained` is a folder that holds its parts."""

    imagebind: str = "imagebind_huge.pth"
    """File with ImageBind's weights, within the folder or anywhere."""
    vicuna: str = "vicuna"
    """Folder with Vicuna, in the layout of transformers."""
    delta: str = "delta/pytorch_model.pt"
    """File with PandaGPT's own weights."""
    clip_spacing: Literal["stretches", "gaps"] = "stretches"
    """What the room for the two-second stretches is divided by: their number or the gaps."""


class PandaGPT(LocalModel):
    """PandaGPT behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = PandaGPTArguments

    @property
    def options(self) -> PandaGPTArguments:
        return cast("PandaGPTArguments", self.settings)

    @cached_property
    def taken(self) -> ImageBindSampling:
        return ImageBindSampling(self.options.clip_spacing)

    @property
    def sampling(self) -> Sampling:
        return self.taken.policies

    @cached_property
    def parts(self) -> Parts:
        """Raises UsageError where no folder is named, PrerequisiteError for what is not there."""
        if not (self.options.pretrained or self.card.weights):
            raise UsageError(
                f"the parts of '{self.card.name}' are published apart, some under terms of their "
                "own; put them into one folder and set --model-args pretrained=FOLDER"
            )
        folder = Path(self.pretrained).expanduser()
        if not folder.is_dir():
            raise PrerequisiteError(f"no folder with the parts of PandaGPT at '{folder}'")
        options = self.options
        return find_parts(folder, PartNames(options.imagebind, options.vicuna, options.delta))

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        return SentencePieces("vicuna", lambda: self.parts.vicuna)

    def download_plan(self) -> DownloadPlan | None:
        """Nothing is ever downloaded: no one place has all the parts."""
        return None

    def identity(self) -> dict[str, Any]:
        return {
            "weights": weights.content_hash(self.parts.files),
            "clip_spacing": self.options.clip_spacing,
        }

    def describe(self) -> dict[str, str | int | float | bool | None]:
        return {**super().describe(), "clip_spacing": self.options.clip_spacing}

    def build(self) -> EmbeddedAnswerer[PandaGPTFamily]:
        from mma_eval.models.local.embedded_answers import EmbeddedAnswerer
        from mma_eval.models.nn.imagebind_input import ImageBindInput
        from mma_eval.models.pandagpt.family import load_family

        family = load_family(self.parts, ImageBindInput(self.taken), self.placing)
        return EmbeddedAnswerer(self.asking, self.new_feature_cache(), family)
