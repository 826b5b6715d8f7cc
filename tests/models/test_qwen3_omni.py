"""Qwen3-Omni behind the shared prefix answers as transformers' own `generate()` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.eval.evaluate import evaluate
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile
from mma_eval.models.nn.omni_family import QWEN3_OMNI
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.models.qwen.thinker import check_release
from mma_eval.types import Answer, Generate, Group, Question, ScoreOptions, Status
from tests.conftest import make_clip
from tests.models.conftest import card
from tests.models.equivalence import MEDIA, PROMPTS, check, ended, group, media
from tests.models.plain_path import PlainPath
from tests.models.qwen3_checkpoint import HEAD_WIDTH, THETA, build_qwen3_checkpoint
from tests.models.qwen3_plain_path import Qwen3PlainPath

SMALL: dict[str, Any] = {"max_frames": 6, "min_pixels": 4096, "max_pixels": 32 * 32 * 12}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_qwen3_checkpoint(tmp_path_factory.mktemp("qwen3"))


def backend_of(folder: Path, **arguments: Any) -> QwenOmni:
    chosen = SMALL | {"device": "cpu"} | arguments
    return QwenOmni(card(folder, family="Qwen3-Omni"), QwenOmniArguments(**chosen))


def plain_beside(backend: QwenOmni, folder: Path) -> PlainPath:
    return Qwen3PlainPath.load(
        folder, backend.sampling, backend.pixel_limits, backend.system_prompt, backend.fps
    )


@pytest.fixture(scope="module")
def backend(folder: Path) -> QwenOmni:
    return backend_of(folder)


@pytest.fixture(scope="module")
def plain(folder: Path, backend: QwenOmni) -> PlainPath:
    return plain_beside(backend, folder)


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


@pytest.mark.parametrize(
    "arguments",
    [
        {"fps": 2.0, "max_frames": 20},
        {"fps": 0.75},
        {"system_prompt": "You are a helpful assistant."},
        {"prefill_chunk": 64},
        {"batch_mode": "reference", "attention": "eager"},
    ],
)
def test_same_with_other_arguments(
    arguments: dict[str, Any], clips_folder: Path, folder: Path
) -> None:
    backend = backend_of(folder, **arguments)
    check(group(media("swapped", clips_folder)), backend, plain_beside(backend, folder))


def test_same_where_the_picture_has_more_rows_than_the_sound_has_tokens(
    tmp_path: Path, folder: Path
) -> None:
    area = 32 * 32 * 100
    backend = backend_of(folder, min_pixels=area, max_pixels=area)
    plain = plain_beside(backend, folder)
    clip = Clip(make_clip(tmp_path / "short.mp4", seconds=0.25))
    check(group(Media(VideoFile(clip), AudioFile(clip))), backend, plain)


@pytest.mark.parametrize("kind", ["aligned", "black", "no video"])
@pytest.mark.parametrize("arguments", [{}, {"batch_mode": "reference"}, {"prefill_chunk": 32}])
def test_options_score_as_in_separate_forwards(
    kind: str, arguments: dict[str, Any], clips_folder: Path, folder: Path, plain: PlainPath
) -> None:
    options = ("Bird", "Bird song", "Canidae", "Door", "Doorbell")
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(options))
    of = media(kind, clips_folder)
    (answer,) = backend_of(folder, **arguments).answer([Group(of, "", (question,))])
    inputs = plain.inputs(of, "", question.after_media)
    end = plain.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert len(answer.option_scores) == len(options)
    for score in answer.option_scores:
        ids = [*plain.tokenizer(score.option)["input_ids"], end]
        expected = plain.option_log_likelihood(inputs, ids)
        assert score.log_likelihood == pytest.approx(expected, abs=1e-3)


def test_features_from_within_the_tower_reach_the_decoder(
    folder: Path, tmp_path: Path, clips_folder: Path, backend: QwenOmni
) -> None:
    """Another weight in one deepstack merger changes what is answered, and as transformers says."""
    tensors = load_file(folder / "model.safetensors")
    tensors["thinker.visual.merger_list.1.mlp.2.weight"] *= 30
    other = build_qwen3_checkpoint(tmp_path / "other")
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    changed = backend_of(other)
    asked = group(media("aligned", clips_folder))
    check(asked, changed, plain_beside(changed, other))
    before = [answer.text for answer in backend.answer([asked])]
    assert [answer.text for answer in changed.answer([asked])] != before


def test_experts_stand_in_memory_as_published(folder: Path, backend: QwenOmni) -> None:
    published = load_file(folder / "model.safetensors")
    experts = backend.answerer.thinker.model.model.language_model.layers[2].mlp.experts
    stem = "thinker.model.layers.2.mlp.experts"
    for number in range(6):
        gate, up = experts.gate_up_proj[number].chunk(2)
        assert torch.equal(gate, published[f"{stem}.{number}.gate_proj.weight"])
        assert torch.equal(up, published[f"{stem}.{number}.up_proj.weight"])
        down = published[f"{stem}.{number}.down_proj.weight"]
        assert torch.equal(experts.down_proj[number], down)


def test_experts_of_one_layer_may_lie_in_several_files(
    folder: Path, tmp_path: Path, backend: QwenOmni
) -> None:
    parts = build_qwen3_checkpoint(tmp_path / "sharded", sharded=True)
    index = json.loads((parts / "model.safetensors.index.json").read_text(encoding="utf-8"))
    places: dict[str, set[str]] = {}
    for name, file in index["weight_map"].items():
        layer, experts, _ = name.partition(".experts.")
        if experts:
            places.setdefault(layer, set()).add(file)
    assert max(map(len, places.values())) > 1
    assert option_scores(backend_of(parts)) == pytest.approx(option_scores(backend), abs=1e-4)


def test_published_rotary_settings_are_read(backend: QwenOmni) -> None:
    rotary = backend.answerer.thinker.engine.decoder.rotary_emb
    assert rotary.mrope_section == [4, 2, 2]
    whole = torch.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH
    assert torch.allclose(rotary.inv_freq, THETA**-whole)


def test_a_missing_expert_is_refused(tmp_path: Path) -> None:
    folder = build_qwen3_checkpoint(tmp_path / "incomplete")
    tensors = load_file(folder / "model.safetensors")
    del tensors["thinker.model.layers.1.mlp.experts.3.down_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"experts\.down_proj"):
        backend_of(folder).load()


def test_the_published_defaults(folder: Path) -> None:
    backend = QwenOmni(card(folder, family="Qwen3-Omni"), QwenOmniArguments(device="cpu"))
    assert backend.pixel_limits == (128 * 32 * 32, 768 * 32 * 32)
    assert (backend.fps, backend.seconds_per_grid) == (1.0, 2.0)
    assert backend.system_prompt is None
    assert backend.sampling.audio.max_seconds is None
    ids = backend.answerer.prompt_ids(group(Media(NoVideo(), media_sound(folder))))["visual"]
    text = backend.answerer.writer.tokenizer.decode(ids)
    assert text.startswith("<|im_start|>user\n<|audio_start|><|audio_pad|>")


def media_sound(folder: Path) -> AudioFile:
    return AudioFile(Clip(make_clip(folder / "sound.mp4", seconds=1.0)))


def test_a_sound_of_less_than_a_window_is_modality_missing(
    backend: QwenOmni, tmp_path: Path
) -> None:
    made = make_clip(tmp_path / "clip.mp4", seconds=1.0)
    blink = Clip(made, start=0.0, end=0.01)
    (answer, *_) = backend.answer([group(Media(NoVideo(), AudioFile(blink)))])
    assert answer.status is Status.MODALITY_MISSING


def test_the_checkpoint_names_the_family_where_the_card_does_not(folder: Path) -> None:
    bare = QwenOmni(card(folder, family="qwen_omni"), QwenOmniArguments(device="cpu"))
    assert bare.family.name == "qwen3-omni"


def test_a_card_of_the_other_family_is_refused(folder: Path) -> None:
    wrong = QwenOmni(card(folder, family="Qwen2.5-Omni"), QwenOmniArguments(device="cpu"))
    with pytest.raises(ModelError, match="of type qwen3_omni_moe, not qwen2_5_omni"):
        wrong.load()


def test_an_adapter_answers_as_its_weights_merged(folder: Path, tmp_path: Path) -> None:
    """Trained on the full model's names, on attention beside the experts."""
    named = "thinker.model.layers.2.self_attn.q_proj"
    tensors = load_file(folder / "model.safetensors")
    shape = tensors[f"{named}.weight"].shape
    torch.manual_seed(0)
    down, up = torch.randn(4, shape[1]), torch.randn(shape[0], 4)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    stem = f"base_model.model.{named}"
    save_file(
        {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up},
        adapter / "adapter_model.safetensors",
    )
    described = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    (adapter / "adapter_config.json").write_text(json.dumps(described), encoding="utf-8")
    tensors[f"{named}.weight"] += 2.0 * up @ down
    merged = build_qwen3_checkpoint(tmp_path / "merged")
    save_file(tensors, merged / "model.safetensors", metadata={"format": "pt"})
    adapted = option_scores(backend_of(folder, adapter=adapter))
    assert adapted == pytest.approx(option_scores(backend_of(merged)), abs=1e-3)
    assert adapted != pytest.approx(option_scores(backend_of(folder)), abs=1e-1)


def option_scores(backend: QwenOmni) -> list[float]:
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(("Bird", "Door", "Frog")))
    (answer,) = backend.answer([Group(Media(NoVideo(), NoAudio()), "", (question,))])
    return [score.log_likelihood for score in answer.option_scores]


def test_half_precision_answers(folder: Path, clips_folder: Path) -> None:
    backend = backend_of(folder, dtype="bf16")
    answers = list(backend.answer([group(media("aligned", clips_folder))]))
    assert {answer.status for answer in answers} == {Status.OK}


class _Recorded(QwenOmni):
    """Keeps what it was asked and what it answered."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        self.asked: list[Group] = []
        self.given: dict[str, str | None] = {}
        for asked in groups:
            self.asked.append(asked)
            for answer in super().answer([asked]):
                self.given[answer.question_id] = answer.text
                yield answer


@pytest.mark.slow
def test_all_eighteen_tasks_on_real_clips_answer_as_the_plain_path(
    clips_folder: Path, folder: Path, plain: PlainPath, tmp_path: Path
) -> None:
    rows = (clips_folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = [json.loads(row) for row in rows if "canidae_aligned" in row or "Door" in row]
    lines = [json.dumps(row | {"video": str(clips_folder / row["video"])}) for row in chosen]
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = QwenOmniArguments(**SMALL, device="cpu")
    model = _Recorded(card(folder, family="Qwen3-Omni"), arguments)
    run = evaluate(
        model,
        "mma_bench",
        dataset=manifest,
        gen_kwargs={"max_new_tokens": 4},
        output_path=tmp_path / "out",
    )
    assert run.scores is not None
    assert run.scores.coverage == 1.0
    tasks, controls = 18, 4
    assert len({sample.task for sample in run.samples}) == tasks + controls
    for sample in run.samples:
        assert sample.tokens is not None
        assert sample.tokens.video
        assert sample.tokens.audio
    expected = {
        question.id: _plainly(plain, asked, question, model)
        for asked in model.asked
        for question in asked.questions
    }
    assert model.given == expected


def _plainly(plain: PlainPath, asked: Group, question: Question, model: QwenOmni) -> str:
    assert isinstance(question.request, Generate)
    inputs = plain.inputs(asked.media, asked.before_media, question.after_media)
    made = ended(plain.generate(inputs, question.request.max_new_tokens), model)
    text: str = plain.tokenizer.decode(made, skip_special_tokens=True)
    return text


def test_a_transformers_that_is_too_old_is_said_to_be() -> None:
    check_release(QWEN3_OMNI, "5.20.0")
    with pytest.raises(PrerequisiteError, match=r"qwen3-omni needs transformers 5\.20 or later"):
        check_release(QWEN3_OMNI, "5.19.2")
