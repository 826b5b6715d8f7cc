"""Records on disk until they are scored: a run in progress holds none of them in memory."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter

from mma_eval.errors import StoreError
from mma_eval.eval.log import AnswerRecord

_NOWHERE = -1


class RecordSpool:
    """One record for each place in a plan, put in any order and read in the plan's."""

    def __init__(self, folder: Path, places: int) -> None:
        """`folder` is where the nameless file lies that ends with this object."""
        self._folder = folder
        self._starts = array("q", [_NOWHERE]) * places
        self._end = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by __exit__

    def __contains__(self, place: int) -> bool:
        return self._starts[place] != _NOWHERE

    def put(self, place: int, record: AnswerRecord) -> None:
        """Keep a record; raises StoreError on a full disk."""
        line = _adapter().dump_json(record) + b"\n"
        try:
            self._file.write(line)
        except OSError as error:
            raise self._unwritable(error) from error
        self._starts[place] = self._end
        self._end += len(line)

    def in_order(self) -> Iterator[AnswerRecord]:
        """Every record, by its place. Raises StoreError."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        for start in self._starts:
            if start != _NOWHERE:
                self._file.seek(start)
                yield _adapter().validate_json(self._file.readline())

    def __enter__(self) -> RecordSpool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Nothing is read from it any more, and a full disk has been told by whoever wrote to it.
        with suppress(OSError):
            self._file.close()

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._folder}: the records of the run cannot be written ({error.strerror}); "
            "check space, or choose another --output-path. Answers already stored are kept, "
            "unless their folder is a temporary one"
        )


@cache
def _adapter() -> TypeAdapter[AnswerRecord]:
    return TypeAdapter(AnswerRecord)
