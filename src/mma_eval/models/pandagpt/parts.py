"""The parts of a PandaGPT model, which are published apart, in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import PrerequisiteError
from mma_eval.models.local.sizes_file import SIZES_FILE, Sizes, stated_sizes


class TowerSizes(Sizes):
    """What a tower's tensors do not tell, and, where stated, what they do."""

    num_heads: int
    embed_dim: int | None = None
    num_blocks: int | None = None


class LoraSizes(Sizes):
    """`alpha` / rank scales what the adapter adds; without it the two are equal."""

    r: int | None = None
    alpha: float | None = None


class PandaGPTSizes(Sizes):
    """A `sizes.json` in the folder states them; without one they are ImageBind-Huge's."""

    vision: TowerSizes = TowerSizes(num_heads=16)
    audio: TowerSizes = TowerSizes(num_heads=12)
    out_embed_dim: int | None = None
    lora: LoraSizes = LoraSizes()


@dataclass(frozen=True)
class PartNames:
    """Where each part lies, relative to the folder."""

    imagebind: str
    """File with ImageBind's towers."""
    vicuna: str
    """Folder with the language model in the layout of transformers."""
    delta: str
    """File with the projection and the adapter."""


@dataclass(frozen=True)
class Parts:
    """The parts of one model, all of them there."""

    imagebind: Path
    vicuna: Path
    delta: Path
    sizes: PandaGPTSizes
    stated: tuple[Path, ...]
    """The file that states the sizes, where there is one."""

    @property
    def files(self) -> list[Path]:
        """Every file that decides what the model answers."""
        language = sorted(
            file
            for kind in ("*.json", "*.bin", "*.safetensors", "tokenizer.model")
            for file in self.vicuna.glob(kind)
        )
        return [self.imagebind, self.delta, *language, *self.stated]


def find_parts(folder: Path, names: PartNames) -> Parts:
    """The parts in `folder`; raises PrerequisiteError with everything that is missing."""
    imagebind, vicuna, delta = (
        folder / one for one in (names.imagebind, names.vicuna, names.delta)
    )
    absent = []
    if not imagebind.is_file():
        absent.append(f"ImageBind's file {names.imagebind}")
    if not (vicuna / "config.json").is_file():
        absent.append(f"the Vicuna folder {names.vicuna} with its config.json")
    elif not (vicuna / "tokenizer.model").is_file():
        absent.append(f"Vicuna's {names.vicuna}/tokenizer.model")
    if not delta.is_file():
        absent.append(f"PandaGPT's own weights {names.delta}")
    if absent:
        raise PrerequisiteError(
            f"'{folder}' lacks {' and '.join(absent)}; put them there or name them with "
            "--model-args imagebind=FILE,vicuna=FOLDER,delta=FILE"
        )
    file = folder / SIZES_FILE
    if not file.is_file():
        return Parts(imagebind, vicuna, delta, PandaGPTSizes(), ())
    return Parts(imagebind, vicuna, delta, stated_sizes(file, PandaGPTSizes), (file,))
