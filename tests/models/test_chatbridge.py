"""ChatBridge as a backend, on the small random checkpoint of its parity tests."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import torch
from sentencepiece import SentencePieceProcessor
from transformers import LlamaForCausalLM

from mma_eval import evaluate
from mma_eval.errors import ModelError, PrerequisiteError, UsageError
from mma_eval.models.base import Group
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.models.chatbridge.backend import ChatBridge, ChatBridgeArguments
from mma_eval.models.chatbridge.sampling import SAMPLING
from mma_eval.models.nn.chatbridge import ChatBridgePerceiver, renamed
from mma_eval.models.nn.chatbridge_input import pictures, spectrogram
from mma_eval.models.nn.chatbridge_sizes import ChatBridgeSizes, read_sizes
from mma_eval.types import Evidence, Generate, Question, ScoreOptions, Status
from tests.models.equivalence import PROMPTS, group, media

OPTIONS = ("Bird", "Bird song", "Canidae", "Door")
TASKS, CONTROLS = 18, 4

SAID = {
    "both": "###Human: Given following video: <ImageHere> and its background audio: <ImageHere>.",
    "video": "###Human: Given following video: <ImageHere>.",
    "audio": "###Human: Given the following audio: <ImageHere>.",
    "none": "",
}


@pytest.fixture(scope="module")
def folder(shared_folder: Path) -> Path:
    return shared_folder / "golden" / "chatbridge"


@pytest.fixture(scope="module")
def llm(folder: Path) -> Path:
    named = read_sizes(folder).llm
    assert named is not None
    return folder / named


def backend(folder: Path, **arguments: Any) -> ChatBridge:
    stated = {"pretrained": folder / "checkpoint.pth", "device": "cpu"} | arguments
    named = {key: str(value) for key, value in stated.items()}
    return ChatBridge(CardCatalogue().get("chatbridge-13b"), ChatBridgeArguments(**named))


class PlainPath:
    """Whole prompts through `generate()` of transformers; nothing here knows the engine."""

    def __init__(self, folder: Path, llm: Path) -> None:
        # The authors' code reads the language model in 16 bits.
        self.model = LlamaForCausalLM.from_pretrained(llm, dtype=torch.float16).float()
        self.pieces = SentencePieceProcessor(model_file=str(llm / "tokenizer.model"))
        self.perceiver = ChatBridgePerceiver(read_sizes(folder), self.model.config.hidden_size)
        tensors = torch.load(folder / "checkpoint.pth", weights_only=True)["model"]
        self.perceiver.eval().load_state_dict(renamed(tensors))

    def answer(self, asked: Group, question: Question) -> str:
        request = question.request
        assert isinstance(request, Generate)
        with torch.inference_mode():
            made = self.model.generate(
                inputs_embeds=self._prompt(asked, question),
                max_new_tokens=request.max_new_tokens,
                do_sample=False,
            )
        ids = [int(token) for token in made[0] if token != self.pieces.eos_id()]
        return str(self.pieces.decode(ids)).split("###")[0].split("Assistant:")[-1].strip()

    def _prompt(self, asked: Group, question: Question) -> torch.Tensor:
        frames, sound = asked.media.frames(SAMPLING.frames), asked.media.sound(SAMPLING.audio)
        soft = []
        if frames is not None:
            soft.append(self.perceiver.see(pictures(frames.pixels)))
        if sound is not None:
            heard = spectrogram(sound)
            assert heard is not None
            soft.append(self.perceiver.hear(heard[None]))
        kind = {(1, 1): "both", (1, 0): "video", (0, 1): "audio", (0, 0): "none"}
        said = SAID[kind[frames is not None, sound is not None]]
        written = f"{said}###Human: {question.after_media}###Assistant:"
        written = written.replace("###Human: ", f"###Human: {asked.before_media}", 1)
        parts = []
        for index, segment in enumerate(written.split("<ImageHere>")):
            ids = [self.pieces.bos_id()] * (index == 0) + self.pieces.encode(segment)
            parts += [self.model.get_input_embeddings()(torch.tensor([ids])), *soft[index:][:1]]
        return torch.cat(parts, dim=1)


@pytest.mark.parametrize("kind", ["aligned", "swapped", "black", "silent", "no audio", "no video"])
def test_a_shared_prefix_answers_as_whole_prompts_do(
    kind: str, clips_folder: Path, folder: Path, llm: Path
) -> None:
    asked, plain = group(media(kind, clips_folder)), PlainPath(folder, llm)
    answers = {answer.question_id: answer for answer in backend(folder).answer([asked])}
    for question in asked.questions:
        answer = answers[question.id]
        assert (answer.status, answer.text) == (Status.OK, plain.answer(asked, question))


@pytest.mark.parametrize("kind", ["aligned", "no video"])
def test_text_before_media_opens_the_turn(
    kind: str, clips_folder: Path, folder: Path, llm: Path
) -> None:
    asked = group(media(kind, clips_folder), "A clip from the web. ", tokens=3)
    plain = PlainPath(folder, llm)
    answers = {answer.question_id: answer for answer in backend(folder).answer([asked])}
    for question in asked.questions:
        assert answers[question.id].text == plain.answer(asked, question)


def test_without_media_nothing_is_said_of_them(clips_folder: Path, folder: Path, llm: Path) -> None:
    asked, plain = group(media("neither", clips_folder)), PlainPath(folder, llm)
    for answer in backend(folder).answer([asked]):
        question = next(one for one in asked.questions if one.id == answer.question_id)
        assert answer.text == plain.answer(asked, question)
        assert answer.tokens is not None
        assert (answer.tokens.video, answer.tokens.audio) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "video", "audio"), [("aligned", 1, 1), ("no audio", 1, 0), ("no video", 0, 1)]
)
def test_every_stream_is_counted(
    kind: str, video: int, audio: int, clips_folder: Path, folder: Path, llm: Path
) -> None:
    pieces = SentencePieceProcessor(model_file=str(llm / "tokenizer.model"))
    queries = read_sizes(folder).qformer.num_query_token
    asked = group(media(kind, clips_folder))
    said = SAID["both" if video and audio else "video" if video else "audio"]
    for answer in backend(folder).answer([asked]):
        written = f"{said}###Human: {PROMPTS[answer.question_id]}###Assistant:"
        text = 1 + sum(len(pieces.encode(segment)) for segment in written.split("<ImageHere>"))
        counted = answer.tokens
        assert counted is not None and counted.evidence is Evidence.COUNTED
        assert (counted.text, counted.video, counted.audio) == (
            text,
            video * queries,
            audio * queries,
        )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Cat", "Cat"),
        ("Cat###Human: And now?", "Cat"),
        ("Assistant: a cat ###", "a cat"),
        ("###Human: Cat", ""),
    ],
)
def test_names_and_marks_of_turns_are_not_part_of_an_answer(
    written: str, read: str, folder: Path
) -> None:
    answerer = backend(folder).answerer
    assert answerer.read(answerer.ids(written)) == read


def test_options_score_alike_in_one_forward_and_apart(clips_folder: Path, folder: Path) -> None:
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(OPTIONS))
    asked = Group(media("aligned", clips_folder), "", (question,))
    made = [
        next(iter(backend(folder, batch_mode=mode).answer([asked]))).option_scores
        for mode in ("batched", "reference")
    ]
    together, apart = ([one.log_likelihood for one in scores] for scores in made)
    assert together == pytest.approx(apart, abs=1e-4)
    assert len(set(together)) == len(OPTIONS)


def test_a_run_on_real_clips_is_covered_and_shows_both_streams(
    clips_folder: Path, folder: Path, tmp_path: Path
) -> None:
    run = evaluate(
        "chatbridge-13b",
        "mma_bench",
        dataset=clips_folder / "manifest.jsonl",
        limit=1,
        model_args={"pretrained": str(folder / "checkpoint.pth"), "device": "cpu"},
        output_path=tmp_path,
    )
    applicable = [one for one in run.samples if not one.task.startswith("long_context")]
    assert len({one.task for one in applicable}) == TASKS + CONTROLS - 2
    assert {one.status for one in applicable} == {Status.OK}
    assert all(one.tokens and one.tokens.video and one.tokens.audio for one in applicable)
    others = [one.status for one in run.samples if one not in applicable]
    assert set(others) == {Status.NOT_APPLICABLE}
    assert run.manifest.scores is not None and run.manifest.scores.coverage == 1.0


def test_a_missing_track_is_no_silence(clips_folder: Path, folder: Path, tmp_path: Path) -> None:
    run = evaluate(
        "chatbridge-13b",
        "aligned_visual",
        dataset=clips_folder / "manifest.jsonl",
        perturb=["strip_audio"],
        limit=2,
        model_args={"pretrained": str(folder / "checkpoint.pth"), "device": "cpu"},
        output_path=tmp_path,
    )
    assert {one.status for one in run.samples} == {Status.OK}
    assert all(one.tokens and one.tokens.video and one.tokens.audio == 0 for one in run.samples)


def test_a_language_model_within_the_checkpoint_counts(
    clips_folder: Path, folder: Path, llm: Path, tmp_path: Path
) -> None:
    tensors = torch.load(folder / "checkpoint.pth", weights_only=True)["model"]
    inner = torch.load(llm / "pytorch_model.bin", weights_only=True)
    zeroed = {f"llama_model.{name}": torch.zeros_like(one) for name, one in inner.items()}
    zeroed["llama_model.model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(8)
    torch.save({"model": tensors | zeroed}, tmp_path / "whole.pth")
    copyfile(folder / "sizes.json", tmp_path / "sizes.json")
    whole = backend(folder, pretrained=tmp_path / "whole.pth", llm=llm)
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(OPTIONS[:1]))
    (answer,) = whole.answer([Group(media("aligned", clips_folder), "", (question,))])
    (score,) = answer.option_scores
    vocabulary = torch.tensor(float(len(inner["lm_head.weight"])))
    assert score.log_likelihood == pytest.approx(-score.tokens * float(vocabulary.log()))


@pytest.mark.parametrize("lost", ["ln_audio.weight", "visual_encoder.blocks.1.attn.v_bias"])
def test_an_incomplete_checkpoint_is_refused(
    lost: str, folder: Path, llm: Path, tmp_path: Path
) -> None:
    tensors = torch.load(folder / "checkpoint.pth", weights_only=True)["model"]
    del tensors[lost]
    torch.save({"model": tensors}, tmp_path / "part.pth")
    copyfile(folder / "sizes.json", tmp_path / "sizes.json")
    with pytest.raises(ModelError, match=r"part\.pth.*1 weights missing"):
        backend(folder, pretrained=tmp_path / "part.pth", llm=llm).load()


def test_a_checkpoint_of_other_sizes_is_refused(folder: Path, llm: Path, tmp_path: Path) -> None:
    copyfile(folder / "checkpoint.pth", tmp_path / "checkpoint.pth")
    sizes = read_sizes(folder)
    wider = sizes.qformer.model_copy(update={"num_query_token": 9})
    stated = sizes.model_copy(update={"qformer": wider})
    (tmp_path / "sizes.json").write_text(stated.model_dump_json(), encoding="utf-8")
    with pytest.raises(ModelError, match=r"query_tokens of shape \(1, 8, \d+\), not \(1, 9"):
        backend(folder, pretrained=tmp_path / "checkpoint.pth", llm=llm).load()


def test_a_file_of_another_kind_is_refused(folder: Path, llm: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.pth").write_text("no tensors", encoding="utf-8")
    with pytest.raises(ModelError, match="no file of tensors"):
        backend(folder, pretrained=tmp_path / "notes.pth", llm=llm).load()


def test_wrong_sizes_name_file_and_field(tmp_path: Path) -> None:
    (tmp_path / "sizes.json").write_text('{"vit": {"depht": 3}}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"sizes\.json: vit\.depht"):
        read_sizes(tmp_path)


def test_without_a_file_of_sizes_they_are_the_published_ones(tmp_path: Path) -> None:
    assert read_sizes(tmp_path) == ChatBridgeSizes()


def test_missing_weights_are_asked_for(tmp_path: Path) -> None:
    checkpoint = tmp_path / "some.pth"
    checkpoint.write_bytes(b"")
    with pytest.raises(UsageError, match="pretrained="):
        ChatBridge(CardCatalogue().get("chatbridge-13b"), ChatBridgeArguments()).load()
    with pytest.raises(PrerequisiteError, match=r"nothing\.pth"):
        backend(tmp_path, pretrained=tmp_path / "nothing.pth").load()
    with pytest.raises(UsageError, match="llm="):
        backend(tmp_path, pretrained=checkpoint).load()
    with pytest.raises(PrerequisiteError, match=r"tokenizer\.model"):
        backend(tmp_path, pretrained=checkpoint, llm=tmp_path).load()


def test_what_changes_answers_changes_the_fingerprint(folder: Path) -> None:
    one, other = backend(folder), backend(folder, dtype="bf16")
    assert one.fingerprint() == backend(folder, answer_timeout=5.0).fingerprint()
    assert one.fingerprint() != other.fingerprint()
