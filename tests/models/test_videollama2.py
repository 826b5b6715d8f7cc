"""The VideoLLaMA2 backend: shared prefix, whole runs, what it refuses to load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mma_eval.errors import ModelError
from mma_eval.eval.doctor.checks import Verdict
from mma_eval.eval.doctor.examination import examine
from mma_eval.eval.doctor.stimuli import draw_stimuli
from mma_eval.eval.evaluate import NoProgress, evaluate
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.embedded_answers import EmbeddedAnswerer, Text
from mma_eval.models.videollama2.backend import VideoLlama2Arguments, VideoLlama2Model
from mma_eval.task.dataset import open_dataset
from mma_eval.types import Evidence, Generate, Group, Question, ScoreOptions, Status
from tests.models.golden import golden_card

NEW_TOKENS = 8
AUDIO_TOKENS = 1496
VIDEO_TOKENS = 72
"""Of eight joined steps of 3x3 places: the small vision tower has 7x7 patches."""
TASKS = 18
POSITION_BIAS = "model.audio_tower.encoder.layers.{}.self_attn.relative_attention_bias.weight"


@pytest.fixture(scope="module")
def folder(shared_folder: Path) -> Path:
    return shared_folder / "golden" / "vl2"


@pytest.fixture(scope="module")
def arguments(folder: Path) -> dict[str, Any]:
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    return {
        "device": "cpu",
        "vision_tower": str(folder / sizes["vision_tower"]),
        "beats_max_distance": sizes["beats"]["max_distance"],
    }


@pytest.fixture(scope="module")
def backend(folder: Path, arguments: dict[str, Any]) -> VideoLlama2Model:
    return made(folder / "ckpt", arguments)


def made(weights: Path, arguments: dict[str, Any], **more: Any) -> VideoLlama2Model:
    return VideoLlama2Model(
        golden_card(weights, "videollama2"), VideoLlama2Arguments(**{**arguments, **more})
    )


@pytest.fixture(scope="module")
def clip(manifest: Path) -> Clip:
    return Clip(manifest.parent / "clip1.mp4")


def group(media: Media, *texts: str) -> Group:
    asked = [Question(text, "Look.", text, Generate(NEW_TOKENS)) for text in texts]
    return Group(media, "Look.", tuple(asked))


def plain(backend: VideoLlama2Model, asked: Group, question: Question) -> str:
    """The answer of `generate()`, fed the whole prompt as embeddings."""
    answerer = backend.answerer
    assert isinstance(answerer, EmbeddedAnswerer)
    prepared = answerer.prepare(asked)
    suffix = next(p.suffix for p in prepared.prompts if p.question == question)
    with torch.inference_mode():
        ids = answerer.family.language.generate(
            inputs_embeds=answerer.embeddings((*prepared.head.parts, Text(suffix))),
            attention_mask=torch.ones(1, prepared.length + len(suffix), dtype=torch.long),
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            eos_token_id=sorted(answerer.engine.stop_ids),
        )
    return answerer.read(ids[0].tolist())


def test_the_shared_prefix_answers_as_the_plain_path(backend: VideoLlama2Model, clip: Clip) -> None:
    for media in (
        Media(VideoFile(clip), AudioFile(clip)),
        Media(BlackVideo(clip), AudioFile(clip)),
        Media(NoVideo(), AudioFile(clip)),
        Media(NoVideo(), NoAudio()),
    ):
        asked = group(media, "Which class is heard?", "Cat or Rain?", "Why " * 40)
        answers = {answer.question_id: answer for answer in backend.answer([asked])}
        for question in asked.questions:
            assert answers[question.id].status is Status.OK
            assert answers[question.id].text == plain(backend, asked, question)


def test_options_score_the_same_together_and_apart(
    backend: VideoLlama2Model, folder: Path, arguments: dict[str, Any], clip: Clip
) -> None:
    media = Media(VideoFile(clip), AudioFile(clip))
    request = ScoreOptions(("Cat", "Cattle", "Rain"))
    asked = Group(media, "", (Question("q", "", "Which?", request),))
    apart = made(folder / "ckpt", arguments, batch_mode="reference")
    (one,), (other,) = backend.answer([asked]), apart.answer([asked])
    expected = [score.log_likelihood for score in other.option_scores]
    assert [score.log_likelihood for score in one.option_scores] == pytest.approx(
        expected, abs=1e-4
    )


def test_attention_can_be_looked_at(
    backend: VideoLlama2Model, folder: Path, arguments: dict[str, Any], clip: Clip
) -> None:
    looking = made(folder / "ckpt", arguments, attention="eager")
    asked = group(Media(VideoFile(clip), AudioFile(clip)), "Which?")
    (one,), (two,) = backend.answer([asked]), looking.answer([asked])
    assert one.text == two.text
    answerer = looking.answerer
    assert isinstance(answerer, EmbeddedAnswerer)
    prepared = answerer.prepare(asked)
    with torch.inference_mode():
        fed = answerer.embeddings(prepared.head.parts)
        layers = answerer.family.language(inputs_embeds=fed, output_attentions=True).attentions
    for weights in layers:
        assert weights.shape[-2:] == (prepared.length, prepared.length)
        assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-4)


def test_a_missing_track_counts_its_silence(backend: VideoLlama2Model, clip: Clip) -> None:
    silent, missing, unseen = (
        next(iter(backend.answer([group(media, "Which?")])))
        for media in (
            Media(VideoFile(clip), Silence(clip)),
            Media(VideoFile(clip), NoAudio()),
            Media(NoVideo(), AudioFile(clip)),
        )
    )
    assert missing.tokens == silent.tokens
    assert missing.text == silent.text
    assert missing.tokens is not None
    assert missing.tokens.audio == AUDIO_TOKENS
    assert unseen.tokens is not None
    assert unseen.tokens.video == 0


def test_prompts_that_do_not_fit_are_told_apart(
    folder: Path, arguments: dict[str, Any], clip: Clip
) -> None:
    card = golden_card(folder / "ckpt", "videollama2", context_length=1700)
    small = VideoLlama2Model(card, VideoLlama2Arguments(**arguments))
    asked = group(Media(VideoFile(clip), AudioFile(clip)), "Which?", "long " * 60)
    statuses = {answer.question_id: answer.status for answer in small.answer([asked])}
    assert statuses == {"Which?": Status.OK, "long " * 60: Status.CONTEXT_OVERFLOW}


def test_all_tasks_run_on_a_real_clip(
    folder: Path, arguments: dict[str, Any], tmp_path: Path, clips_folder: Path
) -> None:
    card = tmp_path / "card.yaml"
    stated = golden_card(folder / "ckpt", "videollama2", context_length=32768)
    card.write_text(stated.model_dump_json(exclude={"path"}), encoding="utf-8")
    run = evaluate(
        str(card),
        tasks="mma_bench",
        dataset=clips_folder / "manifest.jsonl",
        limit=1,
        model_args=arguments,
        gen_kwargs={"max_new_tokens": 2},
        output_path=tmp_path / "run",
    )
    assert {sample.status for sample in run.samples} == {Status.OK}
    assert len({sample.task.partition(".")[0] for sample in run.samples}) == TASKS
    assert run.scores is not None and run.scores.coverage == 1.0
    for sample in run.samples:
        assert sample.tokens is not None
        assert sample.tokens.evidence is Evidence.COUNTED
        assert (sample.tokens.video, sample.tokens.audio) == (VIDEO_TOKENS, AUDIO_TOKENS)


def test_the_doctor_knows_that_a_missing_track_is_fed_as_silence(
    arguments: dict[str, Any], folder: Path
) -> None:
    card = CardCatalogue().get("videollama2.1-7b-av")
    stimuli = draw_stimuli(open_dataset("demo:count=12"), 1)
    examination = examine(
        lambda: create_model(card, {**arguments, "pretrained": str(folder / "ckpt")}),
        stimuli,
        NoProgress(),
    )
    checks = {check.name: check for check in examination.checks}
    tokens = checks.pop("sound tokens")
    assert tokens.verdict is Verdict.NOT_APPLICABLE
    assert "an empty stream is fed" in tokens.finding
    assert Verdict.FAIL not in {check.verdict for check in checks.values()}


def test_safetensors_load_as_pickles_do(
    folder: Path, arguments: dict[str, Any], backend: VideoLlama2Model, clip: Clip, tmp_path: Path
) -> None:
    unshared: dict[str, torch.Tensor | None] = {POSITION_BIAS.format(n): None for n in (0, 2)}
    other = rewritten(folder / "ckpt", tmp_path / "ckpt", unshared)
    asked = group(Media(VideoFile(clip), AudioFile(clip)), "Which?")
    (one,), (two,) = backend.answer([asked]), made(other, arguments).answer([asked])
    assert one.text == two.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lm_head.weight": None}, "language model.*lm_head"),
        ({"model.mm_projector.readout.0.bias": None}, "STC connector.*1 weights missing.*readout"),
        ({"model.audio_tower.layer_norm.more": torch.zeros(1)}, "audio tower.*1 unexpected"),
        ({"model.mm_projector_a.0.bias": torch.zeros(3)}, "audio projector.*shape"),
        ({"model.layers.0.more": torch.zeros(1)}, "language model.*1 unexpected.*more"),
        ({"model.norm.weight": torch.zeros(3)}, "Qwen2"),
    ],
)
def test_incomplete_checkpoints_are_refused(
    folder: Path,
    arguments: dict[str, Any],
    tmp_path: Path,
    change: dict[str, torch.Tensor | None],
    message: str,
) -> None:
    broken = rewritten(folder / "ckpt", tmp_path / "ckpt", change)
    with pytest.raises(ModelError, match=message):
        made(broken, arguments).load()


def test_pickles_hold_nothing_but_tensors(
    folder: Path, arguments: dict[str, Any], tmp_path: Path
) -> None:
    copy = tmp_path / "ckpt"
    shutil.copytree(folder / "ckpt", copy)
    torch.save({"lm_head.weight": Path("code")}, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"cannot read the weights in .*pytorch_model\.bin"):
        made(copy, arguments).load()


def rewritten(source: Path, target: Path, change: dict[str, torch.Tensor | None]) -> Path:
    """The checkpoint as safetensors, with tensors put in or (None) taken out."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.bin"))
    tensors = torch.load(source / "pytorch_model.bin", weights_only=True) | change
    kept = {name: tensor.clone() for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
    return target
