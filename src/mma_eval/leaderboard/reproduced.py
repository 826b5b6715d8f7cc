"""`reproduced.yaml`: the submissions that a maintainer ran, by what is in them.

A submission never says of itself that it was reproduced.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mma_eval.leaderboard.plain_text import Digest
from mma_eval.yaml_file import read_yaml, validate


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reproduction(_Part):
    """One submission; `digest` is what `leaderboard check` prints of it."""

    file: str
    digest: Digest
    by: str


class Reproduced(_Part):
    """The whole file."""

    reproduced: tuple[Reproduction, ...] = ()

    def by_digest(self) -> dict[str, Reproduction]:
        return {entry.digest: entry for entry in self.reproduced}


def read_reproduced(path: Path) -> Reproduced:
    """The maintainers' list; raises FileError."""
    return validate(Reproduced, read_yaml(path))
