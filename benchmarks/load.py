"""What the harness itself costs: many samples through the mock backend, and ten kills on the way.

    python benchmarks/load.py [--samples 20000] [--kills 10] [--folder FOLDER]

Time, peak memory and size of the store for a quarter, a half and all of the samples, each in a
process of its own; then the same run killed at random moments and resumed, compared with the one
that nobody killed. Clips are small real mp4 files, no two with the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mma_eval.eval.evaluate import STORE_FILE
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.run_files import read_run
from mma_eval.media.mux import write_clip

RATE = 16_000
CLASSES = ("Bird", "Cat", "Dog", "Door", "Frog", "Rain", "Siren", "Train")
TASKS = "aligned"
ASKED_OF_A_CLIP = 2
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """One finished command."""

    samples: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    store_bytes: int


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        manifest = make_dataset(root / "clips", arguments.samples // ASKED_OF_A_CLIP)
        for share in (4, 2, 1):
            show(measure(manifest, root / f"whole{share}", arguments.samples // share))
        kill_and_resume(manifest, root, arguments.samples, arguments.kills)


def make_dataset(folder: Path, clips: int) -> Path:
    """A manifest of `clips` clips: a few are encoded, the others differ in an empty box."""
    folder.mkdir(parents=True)
    contents = [_clip(folder / f"{label}.mp4", index) for index, label in enumerate(CLASSES)]
    rows = []
    for number in range(clips):
        kind = number % len(CLASSES)
        box = struct.pack(">I4sQ", 16, b"free", number)
        (folder / f"{number}.mp4").write_bytes(contents[kind] + box)
        label = CLASSES[kind]
        row = {"id": f"clip{number}", "video": f"{number}.mp4"}
        rows.append(json.dumps(row | {"visual_label": label, "audio_label": label}) + "\n")
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(rows), encoding="utf-8")
    return manifest


def _clip(path: Path, index: int) -> bytes:
    frames = np.full((8, 56, 56, 3), 30 * index, np.uint8)
    clock = np.arange(RATE, dtype=np.float32) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 200 * (index + 1) * clock))[None].astype(np.float32)
    write_clip(path, frames, 8, tone, RATE)
    return path.read_bytes()


def command(manifest: Path, out: Path, samples: int, model_args: str) -> list[str]:
    return [
        *(sys.executable, "-m", "mma_eval.cli.main", "--model", "mock", "--tasks", TASKS),
        *("--dataset", str(manifest), "--output-path", str(out)),
        *("--limit", str(samples // ASKED_OF_A_CLIP), "--model-args", model_args),
    ]


def measure(manifest: Path, out: Path, samples: int) -> Measured:
    """Run to the end in a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command(manifest, out, samples, "behaviour=random"), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the run of {samples} samples ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return Measured(
        samples,
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
        (out / STORE_FILE).stat().st_size,
    )


def show(measured: Measured) -> None:
    each = 1_000 * measured.cpu_seconds / measured.samples
    print(
        f"{measured.samples:7,} samples{measured.seconds:8.1f} s{each:7.2f} CPU-ms each"
        f"{measured.peak_bytes / MEGABYTE:7.0f} MB peak"
        f"{measured.store_bytes / MEGABYTE:7.1f} MB store",
        flush=True,
    )


def kill_and_resume(manifest: Path, root: Path, samples: int, kills: int) -> None:
    """Kill a run at random moments, resume it, and compare it with the one that ran through."""
    log, out = root / "asked.log", root / "killed"
    words = command(manifest, out, samples, f"behaviour=random,log={log}")
    draw = random.Random(0)
    in_flight = set()
    started = time.perf_counter()
    for number in range(kills):
        wanted = samples * (number + draw.random()) / kills
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and _size(log) < wanted:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        in_flight.add(_lines(log)[-1])
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    twice = {name for name, count in Counter(_lines(log)).items() if count > 1}
    lost = samples - len(set(_lines(log)))
    print(
        f"{kills} kills and {kills + 1} starts in {time.perf_counter() - started:.0f} s: "
        f"{lost} questions lost, {len(twice - in_flight)} asked twice "
        f"(and {len(twice & in_flight)} that were in flight at a kill)"
    )
    same = _answers(out) == _answers(root / "whole1")
    print(f"the result is {'equal to' if same else 'NOT equal to'} that of the run without kills")
    if lost or twice - in_flight or not same:
        raise SystemExit(1)


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


def _size(log: Path) -> int:
    """Lines of the log so far."""
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _answers(out: Path) -> list[SampleRecord]:
    (folder,) = (out / "mock").iterdir()
    return [replace(sample, seconds=None) for sample in read_run(folder)[1]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=None, help="Where to work. [temporary]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
