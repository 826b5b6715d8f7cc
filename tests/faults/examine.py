"""Run by a test in a process of its own: read every file of a list through `Media`, one a line."""

from __future__ import annotations

import faulthandler
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

from mma_eval.errors import MediaError
from mma_eval.media.cache import default_cache
from mma_eval.media.container import probe
from mma_eval.media.policy import AudioPolicy, FramePolicy
from mma_eval.media.source import AudioFile, BlackVideo, Clip, Media, Silence, VideoFile

FRAMES = FramePolicy()
SOUND = AudioPolicy(rate=16_000, channels=1)
HANG_SECONDS = 60.0


def main(paths: list[str]) -> None:
    # A file is closed when it has been read, not when the collector comes by.
    gc.disable()
    for path in paths:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        print(json.dumps({"path": path, "found": examine(Path(path)), **held()}), flush=True)
    faulthandler.cancel_dump_traceback_later()


def examine(path: Path) -> dict[str, str]:
    """What became of each thing that a run may ask of a file: `ok ...` or the error."""
    clip = Clip(path)
    plain = Media(VideoFile(clip), AudioFile(clip))
    taken = Media(BlackVideo(clip), Silence(clip))
    asked: dict[str, Callable[[], object]] = {
        "probe": lambda: probe(path),
        "video_hash": lambda: plain.video_hash(FRAMES),
        "audio_hash": lambda: plain.audio_hash(SOUND),
        "edits": taken.edits,
        "frames": lambda: len(plain.frames(FRAMES).pixels),  # type: ignore[union-attr]
        "sound": lambda: plain.sound(SOUND).samples.shape[1],  # type: ignore[union-attr]
        "black": lambda: len(taken.frames(FRAMES).pixels),  # type: ignore[union-attr]
        "silence": lambda: taken.sound(SOUND).samples.shape[1],  # type: ignore[union-attr]
        "mp4": lambda: len(plain.mp4()),
    }
    found = {name: attempt(read) for name, read in asked.items()}
    default_cache().clear()
    return found


def attempt(read: Callable[[], object]) -> str:
    try:
        return f"ok {read()}"
    except MediaError as error:
        return f"media error: {error}"
    except Exception as error:
        return f"crash: {type(error).__name__}: {error}"


def held() -> dict[str, int]:
    """Open file descriptors, and the most memory ever held, in kB."""
    return {
        "handles": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "peak": _peak(),
    }


def _peak() -> int:
    # The kernel's ru_maxrss would begin at what the process that started this one held.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(Path(sys.argv[1]).read_text(encoding="utf-8").split("\0"))
