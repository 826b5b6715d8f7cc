"""JSON that may come from anybody: bounded, checked, and refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mma_eval.errors import FileError, StoreError
from mma_eval.whole_file import replacing

M = TypeVar("M", bound=BaseModel)


def write_json(path: Path, content: BaseModel) -> None:
    """Write the file whole; raises StoreError."""
    try:
        with replacing(path) as partial:
            partial.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); make room, or choose another folder"
        ) from error


def read_json(path: Path, kind: type[M], largest: int, what: str) -> M:
    """The object in a file of at most `largest` bytes; `what` it is, in words; raises FileError."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})") from error
    if len(content) > largest:
        raise FileError(path, f"is larger than {largest / 1e6:.0f} MB; that is not {what}")
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        said = f"{where}: {fault['msg']}" if where else str(fault["msg"])
        printable = "".join(letter if letter.isprintable() else "?" for letter in said)[:300]
        raise FileError(path, f"is not {what} ({printable})") from error
