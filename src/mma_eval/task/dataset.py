"""Datasets: a checked manifest with its classes, found by name or by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from mma_eval.errors import (
    ManifestError,
    PrerequisiteError,
    UnknownNameError,
    UsageError,
    suggestion,
)
from mma_eval.paths import cache_folder, user_data_folder
from mma_eval.registry import DATASETS
from mma_eval.seeded import SeededStream
from mma_eval.task.manifest import HUB_PREFIX, fetch_from_hub, read_lines
from mma_eval.task.pairs import derange
from mma_eval.task.rows import VANISHED_FILE, Row, check_row

Progress = Callable[[int, int], None]
"""Called with what is done and the total."""

LABELS_FILE = "labels.txt"


@dataclass(frozen=True)
class Dataset:
    """Rows in the order of the manifest, and every class there is."""

    name: str
    path: Path
    version: str
    """Hash of the manifest and its labels; media are covered by their own hashes."""
    rows: tuple[Row, ...]
    classes: tuple[str, ...]
    vanished: frozenset[str] = frozenset()
    """Clips whose media are gone. They keep their place in the version and in its pairs, so that
    all other questions stay what they are; what needs them is not asked."""

    @property
    def what_is_left(self) -> str:
        """The version, and what is gone of it: together they decide which questions there are."""
        if not self.vanished:
            return self.version
        gone = sha256("\n".join(sorted(self.vanished)).encode()).hexdigest()[:16]
        return f"{self.version} without {gone}"

    @cached_property
    def conflicting(self) -> tuple[Row, ...]:
        """Rows that arrive with another class's sound."""
        return tuple(row for row in self.rows if row.labels.conflict)

    @cached_property
    def aligned(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.labels.conflict)

    def pair_table(self, seed: int) -> dict[str, str]:
        """Receiving clip to donor clip: one derangement a split, whatever is selected later.

        Clips of different splits never lend each other their sound. Question sets without labels
        treat every clip as a class of its own. Raises UsageError for a single class.
        """
        table: dict[str, str] = {}
        for split in sorted({row.split or "" for row in self.aligned}):
            labels = {
                row.clip: row.labels.audio or f"clip {row.clip}"
                for row in self.aligned
                if (row.split or "") == split
            }
            table |= derange(labels, seed)
        return table

    def sound_donors(self, seed: int) -> dict[str, str]:
        """Clip to the clip whose sound it gets in a swap; empty where nothing can be swapped."""
        if self.conflicting:
            return {row.clip: row.audio_clip for row in self.conflicting if row.audio_clip}
        try:
            return self.pair_table(seed)
        except UsageError:
            # Clips of one class have nothing to swap; a task that swaps says so by itself.
            return {}

    @cached_property
    def by_clip(self) -> dict[str, Row]:
        """The first aligned row of every clip."""
        found: dict[str, Row] = {}
        for row in self.aligned:
            found.setdefault(row.clip, row)
        return found


def draw(
    rows: tuple[Row, ...], limit: int | None, seed: int, donors: Mapping[str, str]
) -> tuple[Row, ...]:
    """`limit` clips drawn by seed, in the order of the manifest; a larger limit only adds clips.

    Each clip is drawn with the clip whose sound it gets (`donors`), so that a swapped sound can
    be compared with the same sound in its own clip.
    """
    kept = drawn_clips({row.clip for row in rows}, limit, seed, donors)
    return tuple(row for row in rows if row.clip in kept)


def drawn_clips(
    clips: set[str], limit: int | None, seed: int, donors: Mapping[str, str]
) -> set[str]:
    """The clips that `limit` leaves of `clips`."""
    if limit is None or limit >= len(clips):
        return clips
    drawn: dict[str, None] = {}
    for start in sorted(clips, key=lambda clip: (SeededStream(seed, "draw", clip).bits(), clip)):
        clip: str | None = start
        while clip in clips and clip not in drawn:
            drawn[clip] = None
            clip = donors.get(clip)
    return set(list(drawn)[:limit])


def open_dataset(
    name: str,
    *,
    split: str | None = None,
    progress: Progress | None = None,
    media_needed: bool = True,
) -> Dataset:
    """A dataset by registered name, manifest path, or `hf:owner/name`.

    Without `media_needed` a file that a row names may be missing, as in `read_dataset`.
    Raises UnknownNameError, ManifestError or PrerequisiteError in one sentence.
    """
    base, _, parameters = name.partition(":")
    if base in DATASETS:
        path = DATASETS.get(base)(_parameters(name, parameters), progress)
        dataset = read_dataset(path, name, split, media_needed=media_needed)
        # The folder of a made dataset is named after its generator's version and its seed.
        return replace(dataset, version=f"{path.parent.name}:{dataset.version}")
    if name.startswith(HUB_PREFIX):
        path = fetch_from_hub(name, cache_folder())
        return read_dataset(path, name, split, media_needed=media_needed)
    path = Path(name)
    if path.is_dir():
        path = path / "manifest.jsonl"
    if not path.suffix and not path.exists():
        raise UnknownNameError("dataset", name, DATASETS.names())
    short = path.name if path.stem != "manifest" else path.parent.name
    return read_dataset(path, short, split, media_needed=media_needed)


def read_dataset(
    path: Path, name: str, split: str | None = None, *, media_needed: bool = True
) -> Dataset:
    """Read and check a manifest; raises ManifestError with the line of the first fault.

    Without `media_needed` a missing media file is no fault: it is met when its clip is read.
    """
    rows: list[Row] = []
    first_line: dict[str, int] = {}
    gone = _vanished(path)
    for line, values in read_lines(path):
        row = check_row(values, path, path.parent, line, gone, media_needed)
        if row.id in first_line:
            raise ManifestError(
                path, f"the id '{row.id}' is already on line {first_line[row.id]}", line=line
            )
        first_line[row.id] = line
        rows.append(row)
    if not rows:
        raise ManifestError(path, "the manifest is empty; it needs at least one row")
    _check_vanished(path, gone, rows)
    if split is not None:
        known = {row.split for row in rows if row.split}
        if split not in known:
            raise UnknownNameError("split", split, known, where=f"{path}: ")
    classes = _classes(path, rows)
    kept = tuple(row for row in rows if split is None or row.split == split)
    vanished = frozenset(gone).intersection(row.clip for row in kept)
    return Dataset(name, path, _version(path), kept, classes, vanished)


def _vanished(path: Path) -> dict[str, int]:
    """Each clip that is said to be gone, with its line in `vanished.txt` beside the manifest."""
    file = path.with_name(VANISHED_FILE)
    if not file.is_file():
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(file, f"cannot be read ({error}); write one clip a line") from error
    return {line.strip(): number for number, line in enumerate(lines, start=1) if line.strip()}


def _check_vanished(path: Path, gone: Mapping[str, int], rows: Sequence[Row]) -> None:
    """A name that no clip has is a slip, which would leave out less than was meant."""
    clips = {row.clip for row in rows}
    for clip, line in gone.items():
        if clip not in clips:
            raise ManifestError(
                path.with_name(VANISHED_FILE),
                f"'{clip}' is no clip of {path.name}{suggestion(clip, clips)}",
                line=line,
            )


def _classes(path: Path, rows: list[Row]) -> tuple[str, ...]:
    """Every class, from `labels.txt` beside the manifest or from all of its rows."""
    used = {
        label
        for row in rows
        for label in (row.labels.visual, row.labels.audio)
        if label is not None
    }
    file = path.with_name(LABELS_FILE)
    if not file.is_file():
        return tuple(sorted(used))
    listed = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    classes = tuple(dict.fromkeys(line for line in listed if line))
    if missing := sorted(used - set(classes)):
        raise ManifestError(file, f"the class '{missing[0]}' of {path.name} is not listed")
    return classes


def _version(path: Path) -> str:
    digest = sha256(path.read_bytes())
    labels = path.with_name(LABELS_FILE)
    if labels.is_file():
        digest.update(labels.read_bytes())
    return digest.hexdigest()[:16]


def _parameters(name: str, text: str) -> dict[str, int]:
    """`seed=7,count=300` after a dataset's name."""
    found = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if not value.strip().isdecimal():
            raise UsageError(f"--dataset {name}: '{part}' is not key=number")
        found[key.strip()] = int(value)
    return found


def demo(parameters: Mapping[str, int], progress: Progress | None) -> Path:
    """The manifest of the procedural clips, `demo[:seed=N,count=N]`, made on first use."""
    from mma_eval.demo.dataset import prepare_demo

    for key in parameters:
        if key not in ("seed", "count"):
            raise UsageError(
                f"--dataset demo: unknown parameter '{key}'{suggestion(key, ('seed', 'count'))}"
            )
    return prepare_demo(
        seed=parameters.get("seed", 0),
        count=parameters.get("count", 100),
        root=cache_folder(),
        on_progress=progress,
    )


def mma_bench(parameters: Mapping[str, int], progress: Progress | None) -> Path:
    """The manifest of MMA-Bench that the user has prepared under MMA_EVAL_DATA."""
    if parameters:
        raise UsageError("--dataset mma_bench takes no parameters")
    root = user_data_folder()
    folder = None if root is None else root / "mma_bench"
    if folder is not None:
        for suffix in (".jsonl", ".csv", ".parquet"):
            if (path := folder / f"manifest{suffix}").is_file():
                return path
    looked = f"{folder} holds no manifest" if folder else "MMA_EVAL_DATA is not set"
    raise PrerequisiteError(
        f"the dataset mma_bench is not here: {looked}. It needs "
        "$MMA_EVAL_DATA/mma_bench/manifest.jsonl, one JSON object a clip with id, video (a path "
        "beside it), visual_label and audio_label; the clips are AudioSet's evaluation videos, "
        "listed by the authors at https://huggingface.co/datasets/dghadiya/MMA-Bench and "
        "downloaded from YouTube by you. To try mma-eval without them: --dataset demo"
    )
