"""Damaged files: read, or refused in one sentence that names them; never a crash or a hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.errors import MediaError
from mma_eval.eval.run import Run
from mma_eval.media.container import probe
from mma_eval.media.identity import content_hash
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile
from mma_eval.media.video import read_frames
from mma_eval.types import Status
from tests.conftest import REPOSITORY, make_clip
from tests.faults.damage import FRAMES, KINDS, damaged, strange_paths, whole_clip

FEWEST_DAMAGED = 300
MEGABYTE = 1 << 10
"""In kB."""

Examined = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """What another process found in every file: by name, with handles and memory held after it."""
    folder = tmp_path_factory.mktemp("damaged")
    paths = []
    for kind in KINDS:
        whole = whole_clip(kind)
        for name, content in ((kind, whole), *damaged(kind, whole)):
            (folder / name).write_bytes(content)
            paths.append(folder / name)
    paths += strange_paths(folder, whole_clip("h264_aac.mp4")).values()
    return {Path(line["path"]).name: line for line in examine(paths, folder / "list")}


def examine(paths: Iterable[Path], listing: Path) -> list[dict[str, Any]]:
    listing.write_text("\0".join(map(str, paths)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.examine", str(listing)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1]["path"] if lines else "nothing"
    assert done.returncode == 0, f"died or hung after {last}: {done.stderr[-2000:]}"
    return lines


def test_there_are_enough_of_them(examined: Examined) -> None:
    assert len(examined) - len(KINDS) >= FEWEST_DAMAGED


def test_each_is_read_or_refused_in_one_sentence(examined: Examined) -> None:
    for name, line in examined.items():
        for asked, found in line["found"].items():
            assert found.startswith(("ok ", "media error: ")), (name, asked, found)
            if not found.startswith("ok "):
                assert line["path"] in found, (name, asked, found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_clips_are_read(examined: Examined, kind: str) -> None:
    found = examined[kind]["found"]
    _, video, audio = KINDS[kind]
    assert found["frames"].startswith("ok " if video else "media error: "), found
    assert found["sound"].startswith("ok " if audio else "media error: "), found


def test_no_handle_stays_open(examined: Examined) -> None:
    assert len({line["handles"] for line in examined.values()}) == 1


def test_a_hostile_header_takes_no_memory(examined: Examined) -> None:
    peaks = [line["peak"] for line in examined.values()]
    assert max(peaks) < 600 * MEGABYTE
    assert peaks[-1] - peaks[len(peaks) // 2] < 100 * MEGABYTE, "memory grows with the files"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.endswith(".ts")])
def test_what_is_cut_short_is_never_taken_for_the_whole(tmp_path: Path, kind: str) -> None:
    whole = whole_clip(kind)
    for percent in (30, 50, 70, 90, 99):
        path = tmp_path / f"{percent}.{kind}"
        path.write_bytes(whole[: len(whole) * percent // 100])
        with pytest.raises(MediaError, match="cut short|cannot be decoded|cannot be read"):
            probe(path)


def test_a_track_that_lost_its_end_is_damaged(tmp_path: Path) -> None:
    whole = whole_clip("h264_aac.mp4")
    fifth_chunk = whole.rfind(b"stco") + 12 + 4 * 4
    path = tmp_path / "lost.mp4"
    path.write_bytes(whole[:fifth_chunk] + b"\x7f\xff\xff\xf0" + whole[fifth_chunk + 4 :])
    with pytest.raises(MediaError, match=r"of the 1\.50 s of its sound can be decoded"):
        Media(NoVideo(), AudioFile(Clip(path))).sound(AudioPolicy())


def test_a_stream_without_an_index_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    path.write_bytes(whole_clip("h264_aac.ts"))
    frames = read_frames(Clip(path), FramePolicy(EveryFrame()))
    assert frames.total == FRAMES
    assert frames.decoder.startswith("pyav")
    different = {picture.tobytes() for picture in frames.pixels}
    assert len(different) == FRAMES, "no frame stands in for another"


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "secret.mp4")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads what nobody may read")
    with pytest.raises(MediaError, match=r"secret\.mp4: cannot be opened: Permission denied"):
        content_hash(path)


def test_a_run_leaves_damaged_clips_out_until_they_are_mended(tmp_path: Path) -> None:
    names = ["good", "cut", "moovless", "text"]
    for index, name in enumerate(names):
        make_clip(tmp_path / f"{name}.mp4", shade=40 * index, pitch=200.0 * (index + 1))
    whole = {name: (tmp_path / f"{name}.mp4").read_bytes() for name in names}
    (tmp_path / "cut.mp4").write_bytes(whole["cut"][:-100])
    (tmp_path / "moovless.mp4").write_bytes(whole["moovless"].replace(b"moov", b"junk"))
    (tmp_path / "text.mp4").write_text("not a clip\n")
    rows = [
        {"id": name, "video": f"{name}.mp4", "visual_label": label, "audio_label": label}
        for name, label in zip(names, ("Bird", "Cat", "Bird", "Cat"), strict=True)
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run() -> Run:
        arguments = {"decode": True}
        return evaluate(
            "mock", "aligned_visual", dataset=path, output_path=tmp_path, model_args=arguments
        )

    first = run()
    statuses = {sample.clip: sample.status for sample in first.samples}
    assert statuses == dict.fromkeys(names, Status.DECODE_ERROR) | {"good": Status.OK}
    assert first.scores is not None
    (score,) = first.scores.tasks
    assert score.coverage == 0.25
    assert score.accuracy is not None
    assert (score.accuracy.k, score.accuracy.n) == (1, 1)

    for name in names:
        (tmp_path / f"{name}.mp4").write_bytes(whole[name])
    second = run()
    assert not second.failures
    # The manifest is the same, but the dataset has other bytes: the good clip's answer is shared.
    assert second.manifest.asked == 3


@pytest.mark.parametrize("stream", ["picture", "sound"])
def test_a_stream_without_a_known_codec_is_refused(tmp_path: Path, stream: str) -> None:
    whole = whole_clip("h264_aac.mp4")
    at = whole.find(b"stbl") if stream == "picture" else whole.rfind(b"stbl")
    path = tmp_path / "clip.mp4"
    path.write_bytes(whole[:at] + b"junk" + whole[at + 4 :])
    media = Media(VideoFile(Clip(path)), NoAudio())
    with pytest.raises(MediaError, match="has no codec that is known"):
        media.video_hash(FramePolicy())
