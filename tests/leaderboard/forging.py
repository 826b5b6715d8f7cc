"""A genuine submission, and ways to make a false one of it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_eval import evaluate
from mma_eval.eval.run import Run
from mma_eval.leaderboard.check import Verdict, check
from mma_eval.leaderboard.register import register
from mma_eval.leaderboard.registered import RegisteredDatasets, write_registered
from mma_eval.leaderboard.submission import write_submission
from mma_eval.leaderboard.submit import prepare
from mma_eval.task.dataset import open_dataset

TASKS = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption"

Object = dict[str, Any]
Forgery = Callable[[Object, list[Object]], None]
"""Changes a header and its answers where they are."""


@dataclass(frozen=True)
class Genuine:
    """A run of the mock, the registered version of its clips, and the submission made of both."""

    run: Run
    path: Path
    registered: RegisteredDatasets

    @property
    def objects(self) -> list[Object]:
        return [json.loads(line) for line in gzip.decompress(self.path.read_bytes()).splitlines()]

    def forged(self, folder: Path, forgery: Forgery) -> Path:
        """The submission after `forgery`, under the name of the genuine one."""
        header, *answers = self.objects
        forgery(header, answers)
        return self.written(folder, packed([header, *answers]))

    def written(self, folder: Path, content: bytes) -> Path:
        path = folder / self.path.name
        path.write_bytes(content)
        return path

    def check(self, path: Path) -> Verdict:
        return check(path, self.registered)


def make_genuine(folder: Path, manifest: Path) -> Genuine:
    run = evaluate(
        "mock",
        TASKS,
        dataset=manifest,
        model_args={"behaviour": "random"},
        output_path=folder / "results",
    )
    write_registered(folder / "datasets", register(open_dataset(str(manifest))))
    prepared = prepare([run.folder], "mock", submitter="A. Tester", contact=None)
    path = write_submission(folder / "submissions", prepared.header, prepared.answers)
    return Genuine(run, path, RegisteredDatasets(folder / "datasets"))


def packed(lines: Sequence[Object | bytes]) -> bytes:
    """Lines as one gzip member, as submit writes it; bytes as they are."""
    content = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    return zipped(content)


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def bomb(begin: bytes, megabytes: int) -> bytes:
    """`begin` and spaces without end, in a thousandth of their size."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packing.compress(begin) + packing.flush(zlib.Z_FULL_FLUSH)
    spaces = packing.compress(b" " * (1 << 20)) + packing.flush(zlib.Z_FULL_FLUSH)
    return head + spaces * megabytes


def reasons(verdict: Verdict) -> str:
    return "\n".join(
        f"{found.weight.value} {found.where}: {found.what}" for found in verdict.findings
    )
