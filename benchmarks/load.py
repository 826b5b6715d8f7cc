"""What the harness itself costs: many samples through the mock backend, and ten kills on the way.

    python benchmarks/load.py [--samples 20000] [--kills 10] [--folder FOLDER]

Time, memory and size of the store for a quarter, a half and all of the samples, each on a manifest
of its own clips and in a process of its own; then the same run killed at random moments and
resumed, compared with the one that nobody killed. Clips are small real mp4 files, no two with the
same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
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
FIFTHS = 5
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """One finished command; `resident_bytes` is its memory after each fifth of the answers."""

    samples: int
    seconds: float
    cpu_seconds: float
    resident_bytes: tuple[int, ...]
    peak_bytes: int
    store_bytes: int


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        manifest = make_dataset(root / "clips", arguments.samples // ASKED_OF_A_CLIP)
        for share in (4, 2, 1):
            samples = arguments.samples // share
            part = first_rows(manifest, samples // ASKED_OF_A_CLIP)
            show(measure(part, root / f"whole{share}", samples))
        kill_and_resume(part, root, arguments.samples, arguments.kills)


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


def first_rows(manifest: Path, clips: int) -> Path:
    """A manifest of the first clips of another."""
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    part = manifest.with_name(f"first{clips}.jsonl")
    part.write_text("".join(lines[:clips]), encoding="utf-8")
    return part


def _clip(path: Path, index: int) -> bytes:
    frames = np.full((8, 56, 56, 3), 30 * index, np.uint8)
    clock = np.arange(RATE, dtype=np.float32) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 200 * (index + 1) * clock))[None].astype(np.float32)
    write_clip(path, frames, 8, tone, RATE)
    return path.read_bytes()


def command(manifest: Path, out: Path, model_args: str) -> list[str]:
    return [
        *(sys.executable, "-m", "mma_eval.cli.main", "--model", "mock", "--tasks", TASKS),
        *("--dataset", str(manifest), "--output-path", str(out), "--model-args", model_args),
    ]


def measure(manifest: Path, out: Path, samples: int) -> Measured:
    """Run to the end in a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command(manifest, out, "behaviour=random"), stdout=subprocess.DEVNULL
    )
    resident = _resident_after_fifths(process.pid, out / STORE_FILE, samples)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the run of {samples} samples ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return Measured(
        samples,
        seconds,
        usage.ru_utime + usage.ru_stime,
        resident,
        usage.ru_maxrss * 1024,
        (out / STORE_FILE).stat().st_size,
    )


def _resident_after_fifths(process: int, store: Path, samples: int) -> tuple[int, ...]:
    """Resident memory each time that another fifth of the answers is in the store."""
    found: list[int] = []
    while len(found) < FIFTHS:
        time.sleep(0.1)
        resident = _resident(process)
        if resident is None:
            break
        if _stored(store) >= samples * (len(found) + 1) / FIFTHS:
            found.append(resident)
    return tuple(found)


def _resident(process: int) -> int | None:
    """What the kernel says of a process, None where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    sizes = [line for line in lines if line.startswith("VmRSS:")]
    return int(sizes[0].split()[1]) * 1024 if sizes else None


def _stored(store: Path) -> int:
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])
    except sqlite3.Error:  # it is being made
        return 0


def show(measured: Measured) -> None:
    each = 1_000 * measured.cpu_seconds / measured.samples
    print(
        f"{measured.samples:7,} samples{measured.seconds:8.1f} s{each:7.2f} CPU-ms each"
        f"{measured.peak_bytes / MEGABYTE:7.0f} MB peak"
        f"{measured.store_bytes / MEGABYTE:7.1f} MB store, asking in "
        + " ".join(f"{size / MEGABYTE:.0f}" for size in measured.resident_bytes)
        + " MB",
        flush=True,
    )


def kill_and_resume(manifest: Path, root: Path, samples: int, kills: int) -> None:
    """Kill a run at random moments, resume it, and compare it with the one that ran through."""
    log, out = root / "asked.log", root / "killed"
    words = command(manifest, out, f"behaviour=random,log={log}")
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
