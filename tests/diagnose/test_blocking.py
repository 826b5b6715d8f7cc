"""A stream hidden in some layers: nothing changes without a block, and only what a block cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mma_eval.diagnose.blocking import STORE_FILE, measure_blocking
from mma_eval.diagnose.blocks import Block, BlockingRun, MediaStream, Viewers, quarters, windows
from mma_eval.diagnose.layer_calls import at_every_layer
from mma_eval.diagnose.stream_block import (
    OpenPrompt,
    after_media,
    blocked_answer,
    hidden_stream,
    to_last_token,
)
from mma_eval.errors import FileError, UsageError
from mma_eval.eval.evaluate import NoProgress, evaluate
from mma_eval.eval.store import AnswerStore
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, VideoFile
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.types import Generate, Group, Question, ScoreOptions
from tests.diagnose.opened import opened, plan_on
from tests.models.test_fed_prompt import made, tiny_omni

LAYERS = 4


@pytest.fixture(scope="module")
def answerer() -> GroupAnswerer[Any]:
    return tiny_omni(Path()).answerer


@pytest.fixture(scope="module")
def clips(manifest: Path) -> list[Clip]:
    return [Clip(manifest.parent / f"clip{index}.mp4") for index in range(3)]


def block(
    stream: MediaStream, first: int = 0, stop: int = LAYERS, viewers: Viewers = "question"
) -> Block:
    return Block(stream=stream, first=first, stop=stop, viewers=viewers)


def logits(answerer: GroupAnswerer[Any], media: Media, under: Block | None) -> torch.Tensor:
    """`[vocabulary]` of the answer's first token."""
    prepared, prompt, fed = opened(answerer, media)
    engine = answerer.engine

    def asked() -> torch.Tensor:
        prefix = to_last_token(engine, answerer.prefill(prepared), fed, prompt)
        with torch.inference_mode():
            return engine.ask(prefix, [prompt.suffix[-1:]]).logits[0]

    if under is None:
        return asked()
    with at_every_layer(engine.decoder, hidden_stream(under, fed)):
        return asked()


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_an_empty_block_changes_no_bit(clips: list[Clip], kernel: str) -> None:
    answerer = made("tiny-omni", max_frames=4, attention=kernel).answerer
    whole = Media(VideoFile(clips[0]), AudioFile(clips[1]))
    silent = Media(VideoFile(clips[0]), NoAudio())
    for media, under in (
        (whole, block("video", 0, 0)),
        (whole, block("audio", 3, 3, "everything")),
        (silent, block("audio")),
    ):
        assert torch.equal(logits(answerer, media, under), logits(answerer, media, None))
    assert not torch.equal(
        logits(answerer, whole, block("video", 1, 2)), logits(answerer, whole, None)
    )


@pytest.mark.parametrize("viewers", ["question", "everything"])
@pytest.mark.parametrize("stream", ["video", "audio"])
def test_a_block_in_all_layers_is_a_mask(
    answerer: GroupAnswerer[Any], clips: list[Clip], stream: MediaStream, viewers: Viewers
) -> None:
    media = Media(VideoFile(clips[0]), AudioFile(clips[1]))
    _, _, fed = opened(answerer, media)
    length = fed.embeddings.shape[1]
    allowed = torch.ones(length, length, dtype=torch.bool).tril()
    hidden = fed.places(stream)
    watching = ~hidden if viewers == "everything" else torch.arange(length) >= after_media(fed)
    allowed &= ~(watching[:, None] & hidden)
    bias = torch.zeros(length, length).masked_fill(~allowed, torch.finfo(torch.float32).min)
    with torch.inference_mode():
        made = answerer.engine.decoder(**fed.inputs, attention_mask=bias[None, None])
        expected = answerer.engine.head(made.last_hidden_state[0, -1])
    found = logits(answerer, media, block(stream, viewers=viewers))
    assert float((found - expected).abs().max()) < 1e-4


def test_what_a_block_in_all_layers_keeps_from_the_answer(
    answerer: GroupAnswerer[Any], clips: list[Clip]
) -> None:
    """Hidden from everything, a stream's content cannot matter. Hidden from the question alone, it
    cannot where no other media follow it: here the sound comes after the picture."""

    def differ(stream: MediaStream, under: Block | None) -> bool:
        one = Media(VideoFile(clips[0]), AudioFile(clips[0]))
        other = {
            "video": Media(VideoFile(clips[2]), AudioFile(clips[0])),
            "audio": Media(VideoFile(clips[0]), AudioFile(clips[2])),
        }[stream]
        found = logits(answerer, one, under) - logits(answerer, other, under)
        return bool(found.any())

    for stream in ("video", "audio"):
        assert differ(stream, None)
        assert not differ(stream, block(stream, viewers="everything"))
        assert differ(stream, block(stream, 0, LAYERS - 1, "everything"))
    assert not differ("audio", block("audio"))
    assert differ("video", block("video"))


@pytest.mark.parametrize("request_", [Generate(3), ScoreOptions(("Bird", "Fire", "Bell"))])
def test_without_a_block_it_answers_as_ever(
    answerer: GroupAnswerer[Any], clips: list[Clip], request_: Generate | ScoreOptions
) -> None:
    question = Question("q", "", "What is it? Bird, Fire, Bell", request_)
    group = Group(Media(VideoFile(clips[0]), AudioFile(clips[1])), "", (question,))
    (plain,) = answerer.answer(group)
    prepared = answerer.prepare(group)
    (prompt,) = prepared.prompts
    prefix = answerer.prefill(prepared)
    length = prefix.length
    asked = OpenPrompt(prepared, prefix, prompt, answerer.fed(prepared, prompt))
    none = blocked_answer(answerer, asked, None)
    empty = blocked_answer(answerer, asked, block("audio", 2, 2))
    assert none.text == empty.text == plain.text
    assert none.option_scores == empty.option_scores
    for one, other in zip(none.option_scores, plain.option_scores, strict=True):
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-4)
    blocked_answer(answerer, asked, block("video", viewers="everything"))
    assert prefix.length == length


def test_blocks_cover_the_layers() -> None:
    assert [(b.first, b.stop) for b in quarters(28) if b.stream == "video"] == [
        (0, 7),
        (7, 14),
        (14, 21),
        (21, 28),
        (0, 28),
    ]
    assert [(b.first, b.stop) for b in windows(5, 2) if b.stream == "audio"] == [
        (0, 2),
        (2, 4),
        (4, 5),
        (0, 5),
    ]
    assert len(quarters(1)) == 2
    with pytest.raises(UsageError, match="a window of 9 layers"):
        windows(4, 9)


def test_flips_of_every_task_under_every_block(tmp_path: Path) -> None:
    """The tiny checkpoint answers with what it sees, until it is kept from seeing."""
    plan = plan_on(Path("demo:count=12"), "misalign", limit=3)
    run = measure_blocking(plan, tmp_path, NoProgress())
    assert len(run.tasks) == 2 * len(quarters(LAYERS))
    plain = evaluate(
        "tiny-omni", "misalign", dataset="demo:count=12", limit=3, output_path=tmp_path / "results"
    )
    options = {(record.task, record.id): record.option for record in plain.samples}
    for one in run.tasks:
        flips = sum(answer.before != answer.after for answer in one.answers)
        assert one.flips is not None and (one.flips.k, one.flips.n) == (flips, 3)
        assert [options[one.task, answer.sample] for answer in one.answers] == [
            answer.before for answer in one.answers
        ]
    blind = {one.ask: one for one in run.tasks if one.block == block("video")}
    heard, seen = blind["audio"], blind["visual"]
    assert heard.accuracy_before and heard.accuracy_before.k == 0
    assert heard.accuracy_after and heard.accuracy_after.k == 3
    assert heard.flips_to_other and heard.flips_to_other.k == 0
    assert seen.flips_to_other and seen.flips_to_other.k == 3
    assert BlockingRun.load(tmp_path) == run


def test_it_goes_on_with_what_was_answered(manifest: Path, tmp_path: Path) -> None:
    plan = plan_on(manifest, "misalign_audio", limit=2)
    first = measure_blocking(plan, tmp_path, NoProgress(), lambda n: [block("video", 0, n)])
    with AnswerStore(tmp_path / STORE_FILE) as store:
        before = stored(store)
    more = measure_blocking(plan, tmp_path, NoProgress(), quarters)
    with AnswerStore(tmp_path / STORE_FILE) as store:
        assert before < stored(store)
    (same,) = (one for one in more.tasks if one.block == first.tasks[0].block)
    assert same == first.tasks[0]


def stored(store: AnswerStore) -> set[tuple[str, str]]:
    import sqlite3

    with sqlite3.connect(store.path) as connection:
        return set(connection.execute("SELECT key, answer FROM answers"))


def test_faults_are_told_in_one_sentence(manifest: Path, tmp_path: Path) -> None:
    plan = plan_on(manifest, "aligned_visual", limit=1)
    with pytest.raises(UsageError, match="the model has 4 layers, from 0 to 3"):
        measure_blocking(plan, tmp_path, NoProgress(), lambda n: [block("video", 0, n + 1)])
    with pytest.raises(UsageError, match="mock cannot be looked into"):
        measure_blocking(plan_on(manifest, "aligned", model="mock"), tmp_path, NoProgress())
    with pytest.raises(FileError, match="cannot be read"):
        BlockingRun.load(tmp_path)
