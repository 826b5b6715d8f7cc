"""The folder of a training: what it holds, and where a stopped training goes on."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import StoreError, UsageError
from mma_eval.models.local.adapter import CONFIG_FILE, WEIGHTS_FILE
from mma_eval.train.curves import CURVES_FILE, CURVES_PICTURE
from mma_eval.train.record import RECORD_FILE, TrainingRecord, differences, read_record

CARD_FILE = "README.md"
RECIPE_FILE = "recipe.yaml"
CHECKPOINTS = "checkpoints"
OWN_FILES = (
    CONFIG_FILE,
    WEIGHTS_FILE,
    CARD_FILE,
    RECIPE_FILE,
    CURVES_FILE,
    CURVES_PICTURE,
    RECORD_FILE,
)
COMPLETE = "complete"
"""The file that a checkpoint gets last: without it, writing was cut off."""

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class TrainingFolder:
    """One training's files below `path`."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def kept(self, planned: TrainingRecord) -> TrainingRecord | None:
        """The record of the training that `planned` continues, None where it is a new one.

        Raises UsageError where the folder holds another training, or something else.
        """
        old = read_record(self.path)
        if old is None:
            self.refuse_foreign_files()
            return None
        differing = differences(old, planned)
        if differing:
            raise UsageError(
                f"{self.path} holds another training: {'; '.join(differing)}. Choose another "
                "folder, or start anew with --fresh"
            )
        return old

    def clear(self) -> None:
        """Remove what a training wrote here, and nothing else."""
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def make(self) -> None:
        """Raises StoreError."""
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.path}: the folder cannot be made ({error.strerror}); choose another one"
            ) from error

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint that was written to its end."""
        whole = [path for path in self._all_checkpoints() if (path / COMPLETE).is_file()]
        return max(whole, key=checkpoint_step, default=None)

    def keep_only(self, checkpoint: Path | None) -> None:
        """Remove every other checkpoint, those included that were cut off."""
        for path in self._all_checkpoints():
            if path != checkpoint:
                shutil.rmtree(path, ignore_errors=True)

    def _all_checkpoints(self) -> list[Path]:
        if not self.checkpoints.is_dir():
            return []
        return [path for path in self.checkpoints.iterdir() if _CHECKPOINT.fullmatch(path.name)]

    def refuse_foreign_files(self) -> None:
        """Raises UsageError where the folder holds files and no training."""
        if (self.path / RECORD_FILE).is_file():
            return
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; name a folder for the adapter")
        if not self.path.is_dir():
            return
        foreign = next((path for path in self.path.iterdir() if path.name != CHECKPOINTS), None)
        if foreign is not None:
            raise UsageError(
                f"{self.path} is not empty ({foreign.name}) and holds no training; choose another "
                "folder"
            )


def checkpoint_step(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])
