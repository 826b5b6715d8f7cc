"""Does every stream of every task reach every backend? Ten real clips, all tasks, all backends.

    python benchmarks/every_backend.py [--backends qwen3-omni gemini] [--limit 2]

Local backends hold small random weights in their published layout, remote ones ask the local
servers of the tests through their real clients. So the answers are noise; what counts is that each
question was answered and which tokens it was answered from. Every clip is taken as aligned by its
picture, so that every task asks about all of them. Ends with 1 where an applicable question was not
answered or a stream came to no tokens. The clips and the small weights lie in MMA_EVAL_SHARED
(default: `shared` beside the repository).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mma_eval import evaluate
from mma_eval.errors import MmaEvalError
from mma_eval.eval.log import SampleRecord
from mma_eval.types import Evidence, Status
from tests.models import pandagpt_checkpoint
from tests.models.checkpoint import build_checkpoint
from tests.models.qwen3_checkpoint import build_qwen3_checkpoint
from tests.models.servers import gemini_server, openai_server

REPOSITORY = Path(__file__).resolve().parent.parent
TASKS = "mma_bench"
NEW_TOKENS = 4
"""Random weights never stop by themselves."""
FEW_PIXELS = {"max_frames": 6, "min_pixels": 3136, "max_pixels": 12_544}
GEMINI_KEY = "GEMINI_API_KEY"
STREAMS = ("video", "audio")
FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Ready:
    """A backend that can be asked: its model's name and arguments, and its tasks."""

    model: str
    arguments: Mapping[str, Any]
    tasks: str = TASKS


@dataclass(frozen=True)
class Sources:
    """Where backends find what they need."""

    shared: Path
    scratch: Path


@dataclass(frozen=True)
class Measured:
    """What became of every sample of one backend."""

    backend: str
    samples: tuple[SampleRecord, ...]
    seconds: float

    @property
    def applicable(self) -> list[SampleRecord]:
        return [one for one in self.samples if one.status is not Status.NOT_APPLICABLE]

    @property
    def answered(self) -> list[SampleRecord]:
        return [one for one in self.applicable if one.status is Status.OK]

    @property
    def faults(self) -> list[str]:
        """One line for every sample without an answer, or without tokens of a stream."""
        failed = (one for one in self.applicable if one.status is not Status.OK)
        lines = [f"{one.task} {one.id}: {one.status}: {one.error}" for one in failed]
        for one in self.answered:
            lines += [f"{one.task} {one.id}: no tokens of {name}" for name in unproved(one)]
        return lines


def unproved(sample: SampleRecord) -> list[str]:
    """Streams of a sample that came to no tokens; no task here takes one away altogether."""
    counted = sample.tokens
    if counted is None:
        return list(STREAMS)
    if counted.evidence is Evidence.JOINT:
        return []
    return [name for name in STREAMS if not getattr(counted, name)]


@contextmanager
def qwen2_5_omni(sources: Sources) -> Iterator[Ready]:
    folder = build_checkpoint(sources.scratch / "qwen2.5-omni")
    yield Ready("qwen2.5-omni", {"pretrained": str(folder), "device": "cpu", **FEW_PIXELS})


@contextmanager
def qwen3_omni(sources: Sources) -> Iterator[Ready]:
    folder = build_qwen3_checkpoint(sources.scratch / "qwen3-omni")
    yield Ready("qwen3-omni-30b-a3b", {"pretrained": str(folder), "device": "cpu", **FEW_PIXELS})


@contextmanager
def videollama2(sources: Sources) -> Iterator[Ready]:
    folder = sources.shared / "golden" / "vl2"
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    arguments = {
        "pretrained": str(folder / "ckpt"),
        "vision_tower": str(folder / sizes["vision_tower"]),
        "beats_max_distance": sizes["beats"]["max_distance"],
        "device": "cpu",
    }
    yield Ready("videollama2.1-7b-av", arguments)


@contextmanager
def pandagpt(sources: Sources) -> Iterator[Ready]:
    yield Ready("pandagpt-13b", pandagpt_checkpoint.arguments(sources.shared))


@contextmanager
def chatbridge(sources: Sources) -> Iterator[Ready]:
    checkpoint = sources.shared / "golden" / "chatbridge" / "checkpoint.pth"
    yield Ready("chatbridge-13b", {"pretrained": str(checkpoint), "device": "cpu"})


@contextmanager
def gemini(sources: Sources) -> Iterator[Ready]:
    before = os.environ.get(GEMINI_KEY)
    os.environ[GEMINI_KEY] = "any-key-will-do"
    try:
        with gemini_server.serve_gemini() as served:
            arguments = {
                "model": "gemini-2.0-flash",
                "base_url": served.address,
                "tokenizer": "package:tiny-omni",
            }
            yield Ready("gemini", arguments)
    finally:
        del os.environ[GEMINI_KEY]
        if before is not None:
            os.environ[GEMINI_KEY] = before


@contextmanager
def openai(sources: Sources) -> Iterator[Ready]:
    with openai_server.serve() as served:
        yield Ready("openai", {"base_url": served.address})


@contextmanager
def mock(sources: Sources) -> Iterator[Ready]:
    yield Ready("mock", {"behaviour": "random"})


@contextmanager
def tiny_omni(sources: Sources) -> Iterator[Ready]:
    yield Ready("tiny-omni", {})


BACKENDS: dict[str, Callable[[Sources], AbstractContextManager[Ready]]] = {
    "qwen2.5-omni": qwen2_5_omni,
    "qwen3-omni": qwen3_omni,
    "videollama2": videollama2,
    "pandagpt": pandagpt,
    "chatbridge": chatbridge,
    "gemini": gemini,
    "openai": openai,
    "mock": mock,
    "tiny-omni": tiny_omni,
}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        sources = Sources(arguments.shared, Path(folder))
        manifest = all_aligned(arguments.shared / "clips" / "manifest.jsonl", Path(folder))
        print(HEADING, flush=True)
        faulty = [
            name
            for name in arguments.backends
            if not show(measure(name, sources, manifest, arguments.limit))
        ]
    if faulty:
        raise SystemExit(1)


def all_aligned(manifest: Path, folder: Path) -> Path:
    """A manifest of the same clips, each labelled twice by its picture."""
    lines = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        row |= {"video": str(manifest.parent / row["video"]), "audio_label": row["visual_label"]}
        lines.append(json.dumps(row) + "\n")
    written = folder / "manifest.jsonl"
    written.write_text("".join(lines), encoding="utf-8")
    return written


def measure(name: str, sources: Sources, manifest: Path, limit: int | None) -> Measured:
    """Run every task through a backend, all of it from the start."""
    started = time.perf_counter()
    with BACKENDS[name](sources) as ready:
        run = evaluate(
            ready.model,
            ready.tasks,
            dataset=manifest,
            limit=limit,
            model_args=ready.arguments,
            gen_kwargs={"max_new_tokens": NEW_TOKENS},
            output_path=sources.scratch / "runs" / name,
        )
    return Measured(name, tuple(run.samples), time.perf_counter() - started)


HEADING = (
    f"{'backend':14s}{'tasks':>6s}{'samples':>8s}{'n/a':>5s}{'coverage':>9s}"
    f"{'text':>15s}{'video':>13s}{'audio':>13s}  {'evidence':10s}{'missing':>8s}{'time':>8s}"
    "  statuses"
)


def show(measured: Measured) -> bool:
    """Print a backend's line and its faults; whether there were none."""
    statuses = Counter(one.status for one in measured.samples)
    told = {one.tokens.evidence for one in measured.answered if one.tokens}
    applicable = len(measured.applicable)
    print(
        f"{measured.backend:14s}{len({one.task for one in measured.samples}):6d}"
        f"{len(measured.samples):8d}{statuses[Status.NOT_APPLICABLE]:5d}"
        f"{len(measured.answered) / max(1, applicable):9.1%}"
        f"{spread(measured, 'text'):>15s}{spread(measured, 'video'):>13s}"
        f"{spread(measured, 'audio'):>13s}  {', '.join(sorted(told)):10s}"
        f"{statuses[Status.MODALITY_MISSING]:8d}{measured.seconds:6.0f} s  "
        + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())),
        flush=True,
    )
    faults = measured.faults if applicable else ["no question was applicable"]
    for line in faults[:FAULTS_SHOWN]:
        print(f"  {line}", flush=True)
    if len(faults) > FAULTS_SHOWN:
        print(f"  and {len(faults) - FAULTS_SHOWN} more", flush=True)
    return not faults


def spread(measured: Measured, stream: str) -> str:
    """The fewest and the most tokens of a stream, a dash where they cannot be told."""
    counts = {getattr(one.tokens, stream) for one in measured.answered if one.tokens}
    if not counts or None in counts:
        return "-"
    return f"{min(counts):,}..{max(counts):,}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--limit", type=int, default=None, help="clips a task at most [all]")
    default = os.environ.get("MMA_EVAL_SHARED", REPOSITORY.parent / "shared")
    parser.add_argument("--shared", type=Path, default=Path(default), help="clips and weights")
    arguments = parser.parse_args()
    if not (arguments.shared / "clips" / "manifest.jsonl").is_file():
        parser.error(
            f"there are no real clips in {arguments.shared / 'clips'}; set MMA_EVAL_SHARED"
        )
    return arguments


if __name__ == "__main__":
    try:
        main()
    except MmaEvalError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from error
