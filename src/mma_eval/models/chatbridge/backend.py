"""ChatBridge: EVA-ViT and BEATs behind one Q-Former, on Vicuna.

Importing this module, or building the model, loads neither torch nor weights.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.media.policy import Sampling
from mma_eval.models.base import DownloadPlan, ModelArguments
from mma_eval.models.chatbridge.sampling import SAMPLING
from mma_eval.models.local import weights
from mma_eval.models.local.model import LocalArguments, LocalModel
from mma_eval.models.local.sentence_pieces import MODEL_FILE, SentencePieces
from mma_eval.models.local.sizes_file import SIZES_FILE
from mma_eval.models.nn.chatbridge_sizes import ChatBridgeSizes, read_sizes
from mma_eval.types import TextTokenizer

if TYPE_CHECKING:
    from mma_eval.models.chatbridge.family import ChatBridgeFamily
    from mma_eval.models.local.embedded_answers import EmbeddedAnswerer


class ChatBridgeArguments(LocalArguments):
    """What `--model-args` may set for ChatBridge; `pretrained` is the checkpoint file."""

    llm: str | None = None
    """Folder of the Vicuna that it was trained on, with its tokenizer.model."""


class ChatBridge(LocalModel):
    """ChatBridge behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = ChatBridgeArguments

    @property
    def options(self) -> ChatBridgeArguments:
        return cast("ChatBridgeArguments", self.settings)

    @property
    def sampling(self) -> Sampling:
        return SAMPLING

    @cached_property
    def checkpoint(self) -> Path:
        """Raises UsageError where no file is named, PrerequisiteError where it is not there."""
        if not (self.options.pretrained or self.card.weights):
            raise UsageError(
                f"the weights of '{self.card.name}' cannot be downloaded from here; set"
                " --model-args pretrained=CHECKPOINT.pth,llm=FOLDER"
            )
        path = Path(self.pretrained).expanduser()
        if not path.is_file():
            raise PrerequisiteError(f"no checkpoint file at '{path}'")
        return path

    @cached_property
    def sizes(self) -> ChatBridgeSizes:
        return read_sizes(self.checkpoint.parent)

    @cached_property
    def language_model(self) -> Path:
        """Folder of the LLaMA; the one that sizes.json names where no argument does."""
        named = self.options.llm or self.sizes.llm
        if named is None:
            raise UsageError("ChatBridge needs the folder of its Vicuna; set --model-args llm=...")
        beside = Path() if self.options.llm else self.checkpoint.parent
        folder = beside / Path(named).expanduser()
        if not (folder / MODEL_FILE).is_file():
            raise PrerequisiteError(f"no language model with a {MODEL_FILE} in '{folder}'")
        return folder

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        return self._pieces

    def download_plan(self) -> DownloadPlan | None:
        """Nothing is ever downloaded: the weights are on no hub."""
        return None

    def identity(self) -> dict[str, Any]:
        folder = self.language_model
        beside = (self.checkpoint.parent / SIZES_FILE, folder / "config.json")
        described = [path for path in beside if path.is_file()]
        files = [self.checkpoint, *weights.weight_files(folder), folder / MODEL_FILE]
        return {"weights": weights.content_hash([*files, *described])}

    def describe(self) -> dict[str, str | int | float | bool | None]:
        return {**super().describe(), "llm": str(self.language_model)}

    def build(self) -> EmbeddedAnswerer[ChatBridgeFamily]:
        from mma_eval.models.chatbridge.checkpoint import load_family
        from mma_eval.models.local.embedded_answers import EmbeddedAnswerer

        family = load_family(
            self.checkpoint, self.language_model, self.sizes, self._pieces, self.placing
        )
        return EmbeddedAnswerer(self.asking, self.new_feature_cache(), family)

    @cached_property
    def _pieces(self) -> SentencePieces:
        return SentencePieces("vicuna", lambda: self.language_model)
