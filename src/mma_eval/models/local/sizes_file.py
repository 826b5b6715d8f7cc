"""Sizes of a model that its checkpoint does not tell, stated in a file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_eval.errors import ModelError
from mma_eval.models.local.json_file import read_object

SIZES_FILE = "sizes.json"


class Sizes(BaseModel):
    """Sizes under the names of the original code; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Sizes)


def stated_sizes(file: Path, kind: type[S]) -> S:
    """The sizes that `file` states; raises ModelError with the first field that is wrong."""
    stated = read_object(file)
    try:
        return kind.model_validate(stated)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ModelError(f"{file}: {field}: {first['msg']}") from error
