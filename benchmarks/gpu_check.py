"""What the harness does on a GPU, at the published size of a model, in one command.

    python benchmarks/gpu_check.py [--clips DIR] [--family qwen3] [--json gpu_check.json]
    python benchmarks/gpu_check.py --size tiny --device cpu     (the same script, to try it)

Makes a thinker of the published shape with random weights on the device itself, asks it the
benchmark's eighteen tasks over the real shared-prefix path and one by one over `generate()`, and
measures speed, memory, kernels, precision, batching and what happens when memory runs out. Without
--clips it asks about procedural clips. The weights are random: speed and memory are those of the
published model, the answers are noise, and near ties are far more common than in a trained model.
Ends with 1 where the harness does not do what it promises: an answer fails or lacks a stream, the
two paths disagree in fp32, or a batch that is too large is not halved.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import gpu_measurements, gpu_precision
from benchmarks.gpu_measurements import Figure
from benchmarks.questions import (
    LONGEST_ANSWER,
    all_aligned,
    decode_media,
    eighteen_tasks,
    without_long,
)
from benchmarks.random_thinker import FAMILIES, Made, make
from mma_eval.errors import MmaEvalError
from mma_eval.models.card import Scalar
from mma_eval.task.dataset import Dataset, open_dataset
from mma_eval.types import Group
from mma_eval.whole_file import replacing

SMALL: dict[str, Scalar] = {"max_frames": 6, "min_pixels": 3136, "max_pixels": 12_544}
"""Sampling for the sizes that a CPU answers from."""
SIZES = ("published", "mid", "tiny")
LONG_TOKENS = 10_000


@dataclass(frozen=True)
class Section:
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]


def main() -> None:
    arguments = _arguments()
    _check_device(arguments.device)
    sampling = {} if arguments.size == "published" else SMALL
    stated = {"device": arguments.device, "dtype": arguments.dtype, "batch_size": 16, **sampling}
    with TemporaryDirectory() as scratch:
        made = make(FAMILIES[arguments.family], arguments.size, Path(scratch), stated)
        dataset = _dataset(arguments.clips, arguments.limit)
        groups = eighteen_tasks(
            dataset, made.model, arguments.long_tokens, arguments.answer_tokens
        )[: arguments.media]
        sections = [_setting(arguments, made, groups)]
        print(_rendered(sections[0]), flush=True)
        decode_media(groups, made.model)
        gpu_measurements.texts(made, groups[:1])
        for section in _measured(made, groups):
            print(_rendered(section), flush=True)
            sections.append(section)
            _write(arguments.json, sections)
    print(f"written to {arguments.json}")
    broken = [figure.name for section in sections for figure in section.figures if not figure.holds]
    if broken:
        raise SystemExit(f"does not hold: {', '.join(broken)}")


def _measured(made: Made, groups: Sequence[Group]) -> Iterator[Section]:
    """Every section as soon as it is there; precision comes last, it changes the model."""
    brief = [without_long(group) for group in groups]
    work: dict[str, Callable[[], list[Figure]]] = {
        "weights": lambda: gpu_measurements.making(made),
        "stages": lambda: gpu_measurements.stages(made, groups),
        "paths": lambda: gpu_measurements.paths(made, groups),
        "batching": lambda: gpu_precision.batching(made, brief),
        "attention": lambda: gpu_measurements.kernels(made, brief, _flash_is_installed()),
        "want of memory": lambda: gpu_measurements.short_of_memory(made, brief[0]),
        "precision": lambda: gpu_precision.precision(made, groups),
    }
    for title, measure in work.items():
        yield Section(title, tuple(measure()))


def _check_device(named: str) -> None:
    if named != "cpu" and not torch.cuda.is_available():
        raise SystemExit(
            "torch sees no GPU here; try the script without one by --size tiny --device cpu"
        )


def _flash_is_installed() -> bool:
    from transformers.utils import is_flash_attn_2_available

    return bool(is_flash_attn_2_available())


def _dataset(clips: Path | None, limit: int) -> Dataset:
    return open_dataset(f"demo:count={limit}") if clips is None else all_aligned(clips, limit)


def _setting(arguments: argparse.Namespace, made: Made, groups: Sequence[Group]) -> Section:
    import transformers

    on_gpu = made.device.type == "cuda"
    asked = sum(len(group.questions) for group in groups)
    shape = f"{arguments.size} shape of {made.model.card.name}"
    figures = (
        Figure("model", shape, note="random weights: the answers are noise"),
        Figure("device", torch.cuda.get_device_name(made.device) if on_gpu else "CPU"),
        Figure("precision", made.model.dtype),
        Figure("torch", torch.__version__, note=f"CUDA {torch.version.cuda}"),
        Figure("transformers", transformers.__version__, note=f"Python {python_version()}"),
        Figure("clips", arguments.limit, note=str(arguments.clips or "procedural")),
        Figure("samples' media", len(groups)),
        Figure("questions", asked),
        Figure("tokens of filler", arguments.long_tokens, note="in the long-context questions"),
        Figure("tokens of an answer at most", arguments.answer_tokens),
    )
    return Section("setting", figures)


def _rendered(section: Section) -> str:
    lines = [section.title]
    for figure in section.figures:
        value = "left out" if figure.value is None else f"{_shown(figure.value)} {figure.unit}"
        verdict = "" if figure.holds else "  DOES NOT HOLD"
        note = f"  ({figure.note})" if figure.note else ""
        lines.append(f"  {figure.name:54s}{value.strip()}{note}{verdict}")
    return "\n".join(lines)


def _shown(value: float | int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _write(file: Path, sections: Sequence[Section]) -> None:
    content = json.dumps([asdict(section) for section in sections], indent=2)
    with replacing(file) as partial:
        partial.write_text(content + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--family", choices=FAMILIES, default="qwen2.5")
    parser.add_argument("--size", choices=SIZES, default="published", help="of the model")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu [cuda]")
    parser.add_argument("--dtype", choices=("bf16", "fp16", "fp32"), default="bf16")
    parser.add_argument("--clips", type=Path, help="folder with manifest.jsonl [procedural clips]")
    parser.add_argument("--limit", type=int, default=4, help="clips to use (at least 2) [4]")
    parser.add_argument("--media", type=int, help="of their samples to ask about [all]")
    parser.add_argument("--long-tokens", type=int, default=LONG_TOKENS, help="tokens of filler")
    parser.add_argument("--answer-tokens", type=int, default=LONGEST_ANSWER, help="at most")
    parser.add_argument("--json", type=Path, default=Path("gpu_check.json"), help="file to write")
    arguments = parser.parse_args()
    if arguments.limit < 2:
        parser.error("--limit must be at least 2: sounds are swapped between clips")
    return arguments


if __name__ == "__main__":
    try:
        main()
    except MmaEvalError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from error
