"""Real clips of many kinds, and the ways in which their files go wrong; all of it seeded."""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.media.priority import ordinary_priority

FRAMES, RATE = 12, 16_000

KINDS: dict[str, tuple[str, str | None, str | None]] = {
    "h264_aac.mp4": ("mp4", "libx264", "aac"),
    "hevc_aac.mp4": ("mp4", "libx265", "aac"),
    "av1_aac.mp4": ("mp4", "libsvtav1", "aac"),
    "mpeg4_mp3.avi": ("avi", "mpeg4", "mp3"),
    "vp9_opus.webm": ("webm", "libvpx-vp9", "libopus"),
    "h264_flac.mkv": ("matroska", "libx264", "flac"),
    "h264_aac.mov": ("mov", "libx264", "aac"),
    "h264_aac.ts": ("mpegts", "libx264", "aac"),
    "video_only.mp4": ("mp4", "libx264", None),
    "audio_only.m4a": ("mp4", None, "aac"),
    "audio_only.wav": ("wav", None, "pcm_s16le"),
}
"""Container, picture codec and sound codec of each whole clip."""

OPTIONS = {
    "libx265": {"x265-params": "log-level=none:frame-threads=1"},
    "libsvtav1": {"preset": "12"},
    "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime"},
}


def whole_clip(kind: str) -> bytes:
    """One and a half seconds of moving picture and noise in the container and codecs of `kind`."""
    container_name, video, audio = KINDS[kind]
    target = io.BytesIO()
    with ordinary_priority(), av.open(target, "w", format=container_name) as container:
        picture = container.add_stream(video, rate=8, options=OPTIONS.get(video)) if video else None
        sound_rate = 48_000 if audio == "libopus" else RATE
        sound = container.add_stream(audio, rate=sound_rate, layout="mono") if audio else None
        if isinstance(picture, av.VideoStream):
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            picture.codec_context.thread_count = 1
            _write_picture(container, picture)
        if isinstance(sound, av.AudioStream):
            _write_sound(container, sound, sound_rate)
    return target.getvalue()


def _write_picture(container: av.container.OutputContainer, stream: av.VideoStream) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (FRAMES, 64, 64, 3), dtype=np.uint8)
    for index, pixels in enumerate(noise):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 8)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _write_sound(
    container: av.container.OutputContainer, stream: av.AudioStream, rate: int
) -> None:
    noise = np.random.default_rng(2).integers(-9_000, 9_000, (1, FRAMES * rate // 8), np.int16)
    resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.frame_size or None)
    frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def damaged(name: str, whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the damaged copies of one clip."""
    stem, _, extension = name.rpartition(".")
    for what, content in (*_truncations(whole), *_overwritten(name, whole), *_boxes(whole)):
        yield f"{stem}.{what}.{extension}", content


def _truncations(whole: bytes) -> Iterator[tuple[str, bytes]]:
    lengths = [0, 1, 8, 40]
    lengths += [len(whole) * share // 100 for share in (5, 25, 50, 75, 95)]
    lengths += [len(whole) - 1]
    for length in lengths:
        yield f"first{length}", whole[:length]
    yield "headless", whole[len(whole) // 3 :]


def _overwritten(name: str, whole: bytes) -> Iterator[tuple[str, bytes]]:
    draw = random.Random(name)
    for flips in (1, 10, 100, 1000):
        for head in (200, len(whole)):
            content = bytearray(whole)
            for _ in range(flips):
                content[draw.randrange(head)] ^= 1 << draw.randrange(8)
            yield f"flip{flips}of{head}", bytes(content)
    for share in (0, 30, 60, 90):
        start = len(whole) * share // 100
        size = min(600, len(whole) - start)
        yield f"zeroed{share}", whole[:start] + bytes(size) + whole[start + size :]
        yield f"noise{share}", whole[:start] + draw.randbytes(size) + whole[start + size :]
    blocks = [whole[at : at + 256] for at in range(0, len(whole), 256)]
    tail = blocks[1:]
    draw.shuffle(tail)
    yield "shuffled", b"".join([blocks[0], *tail])
    yield "twice", whole + whole


def _boxes(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Lies in the headers of an mp4 or mov: (box, offset in its content, new bytes)."""
    if whole[4:8] != b"ftyp":
        return
    huge, zero = struct.pack(">I", 0x7FFFFFF0), bytes(4)
    lies: list[tuple[str, bytes, int, bytes]] = [
        ("hugeduration", b"mvhd", 16, huge),
        ("notimescale", b"mvhd", 12, zero),
        ("hugemediaduration", b"mdhd", 16, huge),
        ("nomediatimescale", b"mdhd", 12, zero),
        ("hugetimescale", b"mdhd", 12, huge),
        ("hugesamplecount", b"stsz", 8, huge),
        ("onesamplesize", b"stsz", 4, huge),
        ("hugesamplesize", b"stsz", 12, huge),
        ("hugetimecount", b"stts", 4, huge),
        ("hugetimestep", b"stts", 12, huge),
        ("manyinonestep", b"stts", 8, huge),
        ("notimestep", b"stts", 12, zero),
        ("hugechunkcount", b"stco", 4, huge),
        ("faroffset", b"stco", 8, huge),
        ("hugechunk", b"stsc", 12, huge),
        ("hugesize", b"avc1", 24, b"\x7f\xff\x7f\xff"),
        ("hugesize", b"hev1", 24, b"\x7f\xff\x7f\xff"),
        ("hugesize", b"av01", 24, b"\x7f\xff\x7f\xff"),
        ("manychannels", b"mp4a", 16, b"\xff\xff"),
        ("hugerate", b"mp4a", 24, b"\xff\xff\xff\xff"),
        ("norate", b"mp4a", 24, zero),
        ("hugeedit", b"elst", 8, huge),
        ("nohandler", b"hdlr", 8, zero),
    ]
    for what, box, offset, new in lies:
        at = whole.find(box)
        if at >= 0:
            at += 4 + offset
            yield f"{box.decode()}_{what}", whole[:at] + new + whole[at + len(new) :]
    for box in (b"moov", b"trak", b"mdat", b"stbl"):
        at = whole.find(box)
        if at >= 4:
            yield f"{box.decode()}_renamed", whole[:at] + b"junk" + whole[at + 4 :]
            for what, size in (("small", 9), ("zero", 0), ("huge", 0x7FFFFFF0)):
                changed = whole[: at - 4] + struct.pack(">I", size) + whole[at:]
                yield f"{box.decode()}_{what}size", changed


def strange_paths(folder: Path, whole: bytes) -> dict[str, Path]:
    """Things under a clip's name that are no clip, by what they are."""
    made: dict[str, Callable[[Path], object]] = {
        "text.mp4": lambda path: path.write_text("not a clip\n" * 50),
        "page.mp4": lambda path: path.write_text("<!doctype html><title>404</title>" * 40),
        "nulls.mp4": lambda path: path.write_bytes(bytes(10_000)),
        "picture.mp4": lambda path: path.write_bytes(PNG),
        "directory.mp4": lambda path: path.mkdir(),
        "pipe.mp4": lambda path: os.mkfifo(path),
        "loop.mp4": lambda path: path.symlink_to(path.name),
        "dangling.mp4": lambda path: path.symlink_to("nowhere.mp4"),
        "endless.mp4": lambda path: path.symlink_to("/dev/zero"),
        "null.mp4": lambda path: path.symlink_to("/dev/null"),
        "wrong_extension.txt": lambda path: path.write_bytes(whole),
        "bell\x07 and\nnewline.mp4": lambda path: path.write_bytes(whole[:100]),
    }
    for name, make in made.items():
        make(folder / name)
    return {name: folder / name for name in made}


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
