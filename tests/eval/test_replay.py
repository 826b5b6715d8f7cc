"""Media rebuilt from a run are those that the model received, or are said not to be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mma_eval import evaluate
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.plan import make_plan
from mma_eval.eval.replay import Replay
from mma_eval.eval.run import Run
from mma_eval.media.policy import AudioPolicy, FramePolicy
from mma_eval.media.source import Media
from tests.conftest import make_clip

CONDITIONS = "misalign,frames_zeroed,audio_removed,misleading_caption,long_context,abstention"


@pytest.fixture
def dataset(manifest: Path, tmp_path: Path) -> Path:
    """A copy of the clips that a test may damage."""
    folder = tmp_path / "clips"
    shutil.copytree(manifest.parent, folder)
    return folder / manifest.name


def replayed(run: Run) -> dict[str, Media | None]:
    """Media by task and sample."""
    replay = Replay(run.manifest)
    return {f"{s.task}:{s.id}": replay.media_of(s).media for s in run.samples}


def the_sample(run: Run, task: str, clip: str) -> SampleRecord:
    (found,) = [s for s in run.samples if s.task == task and s.clip == clip]
    return found


def test_every_condition_comes_back_as_it_was_asked(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", CONDITIONS, dataset=dataset, limit=4, seed=3, output_path=tmp_path)
    plan = make_plan(run.manifest.settings)
    asked = {
        sample.id: sample.rendered.sample.media
        for clip in plan.clips()
        for sample in (plan.sample(planned, row) for planned, row in clip)
    }
    assert len(asked) == len(run.samples) > 40
    assert replayed(run) == asked


def test_further_conditions_come_back_too(dataset: Path, tmp_path: Path) -> None:
    run = evaluate(
        "mock", "aligned", dataset=dataset, perturb=["strip_video"], output_path=tmp_path
    )
    media = replayed(run)
    assert len(media) == 12
    assert all(one is not None and not one.has_video and one.has_audio for one in media.values())


def test_a_swapped_clip_has_the_donors_sound(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign_audio", dataset=dataset, output_path=tmp_path)
    replay = Replay(run.manifest)
    for sample in run.samples:
        media = replay.media_of(sample).media
        assert media is not None and sample.audio_source is not None
        sound = media.sound(AudioPolicy())
        assert sound is not None
        spectrum = np.abs(np.fft.rfft(sound.samples[0]))
        loudest = np.fft.rfftfreq(sound.samples.shape[1], 1 / sound.rate)[spectrum.argmax()]
        # The fixture gives clip N a tone of 200 (N + 1) Hz and frames of shade 40 N.
        donor, clip = (
            int(name.removeprefix("clip")) for name in (sample.audio_source, sample.clip)
        )
        assert donor != clip
        assert loudest == pytest.approx(200 * (donor + 1), abs=5)
        frames = media.frames(FramePolicy())
        assert frames is not None
        assert frames.pixels.mean() == pytest.approx(40 * clip, abs=6)


def test_a_question_set_comes_back(dataset: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        "".join(
            json.dumps(
                {
                    "id": f"q{at}",
                    "video": f"clips/clip{at // 2}.mp4",
                    "clip": f"clip{at // 2}",
                    "question": "What is it?",
                    "options": ["Bird", "Cat"],
                    "answer": "Bird",
                }
            )
            + "\n"
            for at in range(4)
        )
    )
    run = evaluate("mock", "qa", dataset=questions, output_path=tmp_path / "runs")
    files = [Path(str(media.video)).stem for media in replayed(run).values() if media]
    assert len(files) == 4


def test_a_changed_clip_is_not_shown(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign_audio", dataset=dataset, output_path=tmp_path)
    sample = run.samples[0]
    others = [s for s in run.samples if sample.clip not in (s.clip, s.audio_source)]
    make_clip(dataset.parent / f"{sample.clip}.mp4", shade=7, pitch=999)
    replay = Replay(run.manifest)
    found = replay.media_of(sample)
    assert found.media is None
    assert found.note is not None and "changed since the run" in found.note
    assert all(replay.media_of(other).media is not None for other in others)


def test_a_missing_clip_is_named(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned_visual", dataset=dataset, output_path=tmp_path)
    (dataset.parent / "clip2.mp4").unlink()
    found = Replay(run.manifest).media_of(the_sample(run, "aligned_visual", "clip2"))
    assert found.media is None
    assert found.note is not None and "clip2.mp4" in found.note


def test_a_missing_clip_hides_no_other(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign_audio", dataset=dataset, output_path=tmp_path)
    for name in ("clip2", "clip4"):
        (dataset.parent / f"{name}.mp4").unlink()
    replay = Replay(run.manifest)
    for sample in run.samples:
        gone = {"clip2", "clip4"} & {sample.clip, sample.audio_source}
        found = replay.media_of(sample)
        assert (found.media is None) == bool(gone)
        assert not gone or any(f"{name}.mp4" in str(found.note) for name in gone)


def test_a_missing_dataset_is_named(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned_visual", dataset=dataset, output_path=tmp_path / "runs")
    shutil.rmtree(dataset.parent)
    found = Replay(run.manifest).media_of(run.samples[0])
    assert found.media is None
    assert found.note is not None and str(dataset) in found.note


def test_other_pairs_of_a_grown_manifest_are_noticed(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign_audio", dataset=dataset, output_path=tmp_path)
    lines = dataset.read_text().splitlines()
    rows = [json.loads(line) for line in lines[:4]]
    dataset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    replay = Replay(run.manifest)
    for sample in run.samples:
        media = replay.media_of(sample).media
        if media is None:
            continue
        assert sample.audio_hash == media.audio_hash(AudioPolicy())
    assert any(replay.media_of(sample).media is None for sample in run.samples)


def test_without_the_backend_it_says_that_nothing_was_checked(
    dataset: Path, tmp_path: Path
) -> None:
    run = evaluate("mock", "aligned_visual", dataset=dataset, output_path=tmp_path)
    card = run.manifest.card.model_copy(update={"backend": "not-installed-here"})
    found = Replay(run.manifest.model_copy(update={"card": card})).media_of(run.samples[0])
    assert found.media is not None
    assert found.note is not None and "Not checked" in found.note


def test_other_decoders_are_said_to_be_the_reason(dataset: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned_visual", dataset=dataset, output_path=tmp_path)
    old = run.manifest.environment.packages | {"av": "1.0"}
    environment = run.manifest.environment.model_copy(update={"packages": old})
    manifest = run.manifest.model_copy(update={"environment": environment})
    sample = replace(run.samples[0], video_hash="0" * 64)
    found = Replay(manifest).media_of(sample)
    assert found.media is not None
    assert found.note is not None and "av 1.0" in found.note
