"""A run's folder: `run.json` and `samples.jsonl`, written whole and read as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from mma_eval.errors import FileError, StoreError
from mma_eval.eval.log import Pool, SampleRecord, from_line, to_line
from mma_eval.eval.manifest import RunManifest
from mma_eval.whole_file import replacing

RUN_FILE = "run.json"
SAMPLES_FILE = "samples.jsonl"


def folder_of(path: Path) -> Path:
    """The folder of a run; one of its files may stand for it."""
    return path.parent if path.name in (RUN_FILE, SAMPLES_FILE) else path


def read_run(path: Path) -> tuple[RunManifest, list[SampleRecord]]:
    """A run with all of its samples; raises FileError that says which file is wrong."""
    pool = Pool()
    return read_manifest(path), [pool.share(sample) for sample in read_samples(path)]


def read_manifest(path: Path) -> RunManifest:
    """What a run says of itself; raises FileError."""
    file = _present(folder_of(path) / RUN_FILE)
    try:
        return RunManifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise FileError(file, f"is not a run manifest ({_first(error)})") from error
    except OSError as error:
        raise FileError(file, f"cannot be read ({error.strerror})") from error


def read_samples(path: Path) -> Iterator[SampleRecord]:
    """The samples of a run one by one, so that none has to be held; raises FileError."""
    file = _present(folder_of(path) / SAMPLES_FILE)
    try:
        # Bytes, since only \n ends a line: an answer may hold U+2028, at which text would be cut.
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _sample(file, number, line)
    except OSError as error:
        raise FileError(file, f"cannot be read ({error.strerror})") from error


@contextmanager
def replacing_samples(folder: Path) -> Iterator[Callable[[SampleRecord], None]]:
    """Takes the samples of a run one by one; they become `samples.jsonl` at the end, or nothing.

    Raises StoreError.
    """
    path = folder / SAMPLES_FILE
    try:
        with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:

            def write(sample: SampleRecord) -> None:
                file.write(to_line(sample))

            yield write
    except OSError as error:
        raise _unwritable(path, error) from error


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Write `run.json` in one step; raises StoreError."""
    path = folder / RUN_FILE
    try:
        with replacing(path) as partial:
            partial.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _present(file: Path) -> Path:
    if not file.is_file():
        raise FileError(file, "is missing; give the folder of a finished run")
    return file


def _sample(file: Path, number: int, line: bytes) -> SampleRecord:
    try:
        return from_line(line)
    except ValidationError as error:
        raise FileError(file, f"is not a sample record ({_first(error)})", line=number) from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: the results cannot be written ({error.strerror}); a file that was there "
        "before is untouched, and the same command with space and permissions writes it"
    )


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    return ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"])))
