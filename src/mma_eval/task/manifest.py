"""Reading manifests: JSONL and CSV line by line, Parquet, and datasets on the Hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mma_eval.errors import ManifestError, PrerequisiteError, StoreError, UsageError
from mma_eval.hub import is_offline, reach
from mma_eval.whole_file import replacing

HUB_PREFIX = "hf:"
Line = tuple[int, dict[str, Any]]


def read_lines(path: Path) -> Iterator[Line]:
    """Line number and columns of every row; raises ManifestError with the line."""
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: a manifest is .jsonl, .csv or .parquet, not '{path.suffix}'")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such manifest")
    try:
        yield from reader(path)
    except UnicodeDecodeError as error:
        raise ManifestError(path, "is not UTF-8 text") from error
    except OSError as error:
        raise ManifestError(path, f"cannot be read ({error.strerror})") from error


def _read_jsonl(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except json.JSONDecodeError as error:
                raise ManifestError(
                    path, f"is not valid JSON: {error.msg} at column {error.colno}", line=number
                ) from error
            if not isinstance(row, dict):
                raise ManifestError(path, "a row must be a JSON object", line=number)
            yield number, row


def _read_csv(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    expected = len(reader.fieldnames or ())
                    raise ManifestError(
                        path,
                        f"the row does not have {expected} columns as the header does",
                        line=reader.line_num,
                    )
                yield reader.line_num, dict(row)
        except csv.Error as error:
            raise ManifestError(path, f"is not valid CSV: {error}", line=reader.line_num) from error


def _read_parquet(path: Path) -> Iterator[Line]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ManifestError(path, f"is not a readable Parquet file: {error}") from error
    yield from enumerate(table.to_pylist(), start=1)


def fetch_from_hub(address: str, cache: Path) -> Path:
    """A Hub dataset (`hf:owner/name[@revision][:split]`) as a local JSONL manifest.

    Media that the dataset holds as bytes are written beside it. Under HF_HUB_OFFLINE it is what was
    downloaded before. Raises PrerequisiteError when the Hub or the dataset cannot be reached.
    """
    from hashlib import sha256

    name, _, split = address.removeprefix(HUB_PREFIX).partition(":")
    name, _, revision = name.partition("@")
    if not (Path(name).is_dir() or is_offline()):
        _check_reach(address)
    import datasets

    try:
        table = datasets.load_dataset(name, split=split or "test", revision=revision or None)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise PrerequisiteError(
            f"the dataset {address} cannot be loaded ({reason}); check the name and the network, "
            "or give the path of a manifest"
        ) from error
    for column, feature in table.features.items():
        if isinstance(feature, (datasets.Video, datasets.Audio)):
            table = table.cast_column(column, type(feature)(decode=False))
    folder = cache / "hub" / sha256(f"{address}:{table._fingerprint}".encode()).hexdigest()[:16]
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        return manifest
    try:
        _write_manifest(table, manifest)
    except OSError as error:
        raise StoreError(
            f"{folder}: the dataset {address} cannot be written ({error.strerror}); choose another "
            "place with MMA_EVAL_CACHE"
        ) from error
    return manifest


def _check_reach(address: str) -> None:
    try:
        reach()
    except OSError as error:
        raise PrerequisiteError(
            f"the dataset {address} cannot be loaded: the hub cannot be reached ({error}); go "
            "online, set HF_HUB_OFFLINE=1 to use what was downloaded before, or give the path of "
            "a manifest"
        ) from error


def _write_manifest(table: Any, manifest: Path) -> None:
    """Every row of a dataset as a line, its media beside it; the manifest comes last."""
    manifest.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for row in table:
        values = {
            key: _local_media(value, manifest.parent) if key in ("video", "audio") else value
            for key, value in row.items()
        }
        lines.append(json.dumps(values, ensure_ascii=False))
    with replacing(manifest) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _local_media(value: Any, folder: Path) -> Any:
    """The path of a media cell, its bytes written to `folder` when it holds any."""
    from hashlib import sha256

    if not isinstance(value, dict):
        return value
    if value.get("bytes") is None:
        return value.get("path")
    suffix = Path(value.get("path") or "clip.mp4").suffix
    path = folder / (sha256(value["bytes"]).hexdigest()[:24] + suffix)
    if not path.is_file():
        with replacing(path) as partial:
            partial.write_bytes(value["bytes"])
    return str(path)
