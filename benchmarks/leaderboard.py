"""How long a leaderboard of many submissions takes to build, and how heavy its page is.

    python benchmarks/leaderboard.py [--submissions 2000] [--dataset demo] [--folder FOLDER]

One run of the planted specimen on the demo clips is the pattern; every submission answers as a
made-up model that sees and hears with a skill of its own, so that all of them pass the check and no
two are alike. Built in a process of its own, whose peak memory is what the build took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mma_eval.leaderboard.build import (
    CSV,
    DATASETS,
    JSON,
    PAGE,
    README,
    REPRODUCED,
    SUBMISSIONS,
    build_board,
    write_board,
)
from mma_eval.leaderboard.check import rescore
from mma_eval.leaderboard.readme import END, START
from mma_eval.leaderboard.registered import RegisteredDataset, RegisteredTask, write_registered
from mma_eval.leaderboard.submission import (
    Header,
    Submission,
    SubmittedAnswer,
    write_submission,
)
from mma_eval.seeded import SeededStream

TASKS = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption"
MEASURE = "--measure"


def main() -> None:
    arguments = _arguments()
    if arguments.measure is not None:
        print(json.dumps(_measured(arguments.measure)))
        return
    with TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "leaderboard"
        started = time.perf_counter()
        _make(folder, arguments.submissions, arguments.dataset)
        print(f"{arguments.submissions} submissions made in {time.perf_counter() - started:.0f} s")
        command = [sys.executable, __file__, MEASURE, str(folder)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        _show(json.loads(done.stdout), folder)


def _make(folder: Path, count: int, name: str) -> None:
    # Here, so that the process that builds holds nothing of what asks models.
    from mma_eval import evaluate
    from mma_eval.leaderboard.register import register
    from mma_eval.leaderboard.submit import prepare
    from mma_eval.task.dataset import open_dataset

    dataset = register(open_dataset(name))
    write_registered(folder / DATASETS, dataset)
    (folder / REPRODUCED).write_text("reproduced: []\n", encoding="utf-8")
    (folder / README).write_text(f"{START}\n{END}\n", encoding="utf-8")
    run = evaluate("planted", TASKS, dataset=name, output_path=folder / "runs")
    pattern = prepare([run.folder], "planted", submitter=None, contact=None)
    for at in range(count):
        header, answers = _made_up(pattern.header, pattern.answers, dataset, at)
        write_submission(folder / SUBMISSIONS, header, answers)


def _made_up(
    pattern: Header, answers: Iterable[SubmittedAnswer], dataset: RegisteredDataset, at: int
) -> tuple[Header, tuple[SubmittedAnswer, ...]]:
    """A model with a skill of its own for each sense, in percent."""
    chance = SeededStream(at, "skill")
    skills = {"visual": 30 + chance.below(71), "audio": chance.below(101)}
    given = tuple(
        replace(answer, answer=_said(dataset, dataset.by_task[answer.task], answer, skills, at))
        for answer in answers
    )
    card = pattern.card.model_copy(update={"name": f"made-up-{at:04d}"})
    header = pattern.model_copy(update={"card": card})
    claimed = rescore("", Submission(header, given, ""), dataset).claims
    return header.model_copy(update={"claimed": claimed}), given


def _said(
    dataset: RegisteredDataset,
    task: RegisteredTask,
    answer: SubmittedAnswer,
    skills: dict[str, int],
    seed: int,
) -> str:
    sample = task.by_id[answer.id]
    draw = SeededStream(seed, answer.task, answer.id)
    if draw.below(100) < skills[sample.ask]:
        return sample.target
    return draw.choice(list(dataset.options[sample.options]))


def _measured(folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    built = build_board(folder / SUBMISSIONS, folder / DATASETS, folder / REPRODUCED)
    boarded = time.perf_counter()
    write_board(built.board, folder)
    written = time.perf_counter()
    return {
        "rows": len(built.board.rows),
        "left_out": len(built.left_out),
        "comparisons": sum(ranking.comparisons for ranking in built.board.rankings),
        "board_seconds": boarded - started,
        "write_seconds": written - boarded,
        "peak_megabytes": _peak_kilobytes() / 1e3,
    }


def _peak_kilobytes() -> int:
    """Of this process alone: the kernel's ru_maxrss would begin at what its parent held (Linux)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _show(measured: dict[str, float], folder: Path) -> None:
    for name, value in _lines(measured, folder):
        print(f"{name:40s}{value:>14s}")


def _lines(measured: dict[str, float], folder: Path) -> Iterator[tuple[str, str]]:
    yield "rows", f"{measured['rows']:,.0f}"
    yield "left out", f"{measured['left_out']:,.0f}"
    yield "pairs tested", f"{measured['comparisons']:,.0f}"
    yield "check, score and rank", f"{measured['board_seconds']:.1f} s"
    yield "write all files", f"{measured['write_seconds']:.1f} s"
    yield "peak memory", f"{measured['peak_megabytes']:,.0f} MB"
    yield "submissions", f"{_bytes((folder / SUBMISSIONS).iterdir()) / 1e6:.1f} MB"
    for name in (PAGE, CSV, JSON, README):
        yield name, f"{_bytes([folder / name]) / 1e3:,.0f} kB"


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--dataset", default="demo", help="the clips that are asked about")
    parser.add_argument("--folder", type=Path, help="keep everything there")
    parser.add_argument(MEASURE, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
