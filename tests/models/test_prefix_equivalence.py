"""The shared-prefix engine answers as the plain path of transformers does, request by request."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.types import Group, Question, ScoreOptions
from tests.conftest import make_clip
from tests.models.checkpoint import build_checkpoint
from tests.models.conftest import SMALL, MakeBackend, card
from tests.models.equivalence import MEDIA, PROMPTS, check, group, media
from tests.models.plain_path import PlainPath


@pytest.fixture(scope="module")
def plain(checkpoint: Path, backend: QwenOmni) -> PlainPath:
    return PlainPath.load(checkpoint, backend.sampling, backend.pixel_limits, backend.system_prompt)


@pytest.mark.parametrize("kind", MEDIA)
def test_same_as_plain_path(
    kind: str, clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media(kind, clips_folder)), backend, plain)


@pytest.mark.parametrize("kind", ["aligned", "no video", "neither"])
def test_same_with_text_before_media(
    kind: str, clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media(kind, clips_folder), "A clip from the web:\n"), backend, plain)


def test_repetition_penalty_counts_the_whole_prompt(
    clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media("aligned", clips_folder), penalty=1.3), backend, plain, penalty=1.3)


def test_checkpoint_default_penalty_is_overridden(plain: PlainPath) -> None:
    assert plain.model.generation_config.repetition_penalty == pytest.approx(1.3)


def test_other_frame_rates_change_the_clock(
    clips_folder: Path, make_backend: MakeBackend, checkpoint: Path
) -> None:
    backend = make_backend(fps=0.5)
    plain = PlainPath.load(
        checkpoint, backend.sampling, backend.pixel_limits, backend.system_prompt, fps=0.5
    )
    assert backend.seconds_per_grid == 4.0
    check(group(media("aligned", clips_folder)), backend, plain)


def test_same_where_the_picture_has_more_rows_than_the_sound_has_tokens(
    tmp_path: Path, make_backend: MakeBackend, checkpoint: Path
) -> None:
    area = 28 * 28 * 144
    backend = make_backend(min_pixels=area, max_pixels=area)
    plain = PlainPath.load(
        checkpoint, backend.sampling, backend.pixel_limits, backend.system_prompt
    )
    clip = Clip(make_clip(tmp_path / "short.mp4", seconds=0.25))
    check(group(Media(VideoFile(clip), AudioFile(clip))), backend, plain)


def test_sharded_checkpoint_with_a_long_prompt_in_chunks(
    clips_folder: Path, tmp_path: Path
) -> None:
    folder = build_checkpoint(tmp_path / "sharded", seed=1, sharded=True)
    backend = QwenOmni(
        card(folder),
        QwenOmniArguments(**SMALL, device="cpu", prefill_chunk=64),
    )
    plain = PlainPath.load(folder, backend.sampling, backend.pixel_limits, backend.system_prompt)
    check(group(media("swapped", clips_folder)), backend, plain)


@pytest.mark.parametrize("kind", ["aligned", "black", "no video"])
@pytest.mark.parametrize("arguments", [{}, {"batch_mode": "reference"}, {"prefill_chunk": 32}])
def test_options_score_as_in_separate_forwards(
    kind: str,
    arguments: dict[str, object],
    clips_folder: Path,
    make_backend: MakeBackend,
    plain: PlainPath,
) -> None:
    backend = make_backend(**arguments)
    options = ("Bird", "Bird song", "Canidae", "Door", "Doorbell")
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(options))
    of = media(kind, clips_folder)
    (answer,) = backend.answer([Group(of, "", (question,))])
    inputs = plain.inputs(of, "", question.after_media)
    end = plain.tokenizer.convert_tokens_to_ids("<|im_end|>")
    for score in answer.option_scores:
        ids = [*plain.tokenizer(score.option)["input_ids"], end]
        expected = plain.option_log_likelihood(inputs, ids)
        assert score.log_likelihood == pytest.approx(expected, abs=1e-3)
        assert score.tokens == len(ids)
