"""PandaGPT answers as the plain path of transformers and PEFT does, from one soft token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mma_eval.errors import ModelError, PrerequisiteError, UsageError
from mma_eval.eval.evaluate import evaluate
from mma_eval.eval.run import Run
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.checkpoint_tensors import read_tensors
from mma_eval.models.local.embedded_answers import Embedded, EmbeddedAnswerer
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.pandagpt.backend import PandaGPT
from mma_eval.models.pandagpt.family import PandaGPTFamily, stop_sequences
from mma_eval.models.pandagpt.parts import PartNames, find_parts
from mma_eval.types import (
    Evidence,
    Generate,
    Group,
    Question,
    ScoreOptions,
    Status,
)
from tests.models.equivalence import MEDIA, group, media
from tests.models.pandagpt_checkpoint import NAMES, arguments

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

ADAPTER = "llama_model."
TASKS, CONTROLS = 18, 4


def backend_on(shared: Path, **chosen: Any) -> PandaGPT:
    card = CardCatalogue().get("pandagpt-13b")
    model = create_model(card, {**arguments(shared), **chosen})
    assert isinstance(model, PandaGPT)
    return model


@pytest.fixture(scope="module")
def backend(shared_folder: Path) -> PandaGPT:
    return backend_on(shared_folder)


@pytest.fixture(scope="module")
def family(backend: PandaGPT) -> PandaGPTFamily:
    answerer = backend.answerer
    assert isinstance(answerer, EmbeddedAnswerer)
    found = answerer.family
    assert isinstance(found, PandaGPTFamily)
    return found


@dataclass(frozen=True)
class Plain:
    """Vicuna with the adapter by PEFT, and SentencePiece by itself, one prompt at a time."""

    model: Any
    pieces: Any

    def embeddings(self, soft: torch.Tensor | None, question: str) -> torch.Tensor:
        """The whole prompt, `[1, tokens, width]`, around a soft token `[1, width]`."""
        embed = self.model.get_input_embeddings()

        def text(of: str) -> torch.Tensor:
            return embed(torch.tensor(self.pieces.encode(of)))  # type: ignore[no-any-return]

        begin = embed(torch.tensor([self.pieces.bos_id()]))
        if soft is None:
            prompt = [begin, text(f"### Human: {question}\n### Assistant:")]
        else:
            after = text(f"</Img> {question}\n### Assistant:")
            prompt = [begin, text("### Human: <Img>"), soft, after]
        return torch.cat(prompt)[None]

    def answer(self, soft: torch.Tensor | None, question: str, tokens: int) -> str:
        made = self.model.generate(
            inputs_embeds=self.embeddings(soft, question), max_new_tokens=tokens, do_sample=False
        )
        written: str = self.pieces.decode(made[0].tolist())
        return written.partition("###")[0].strip()

    def log_likelihood(self, soft: torch.Tensor | None, question: str, ids: list[int]) -> float:
        prompt = self.embeddings(soft, question)
        fed = torch.cat([prompt, self.model.get_input_embeddings()(torch.tensor([ids]))], dim=1)
        scores = self.model(inputs_embeds=fed).logits[0].log_softmax(-1)
        first = prompt.shape[1] - 1
        return sum(float(scores[first + place, token]) for place, token in enumerate(ids))


@pytest.fixture(scope="module")
def plain(shared_folder: Path) -> Plain:
    import peft
    from sentencepiece import SentencePieceProcessor
    from transformers import LlamaForCausalLM

    folder = shared_folder / "golden" / "panda"
    tensors = {
        name.removeprefix(ADAPTER).replace(".default.", "."): tensor
        for name, tensor in read_tensors([folder / "delta" / "pytorch_model.pt"]).items()
        if name.startswith(ADAPTER)
    }
    lora = find_parts(folder, NAMES).sizes.lora
    assert lora.r is not None and lora.alpha is not None
    targets = sorted({name.split(".lora_")[0].rpartition(".")[2] for name in tensors})
    config = peft.LoraConfig(r=lora.r, lora_alpha=int(lora.alpha), target_modules=targets)
    model = peft.get_peft_model(LlamaForCausalLM.from_pretrained(folder / "vicuna"), config)
    report = peft.set_peft_model_state_dict(model, tensors)
    assert not report.unexpected_keys
    pieces = SentencePieceProcessor(model_file=str(folder / "vicuna" / "tokenizer.model"))
    return Plain(model.eval(), pieces)


def soft_token(family: PandaGPTFamily, asked: Group) -> torch.Tensor | None:
    head = family.head(asked.media, "", FeatureCache(0))
    found = [part.rows for part in head.parts if isinstance(part, Embedded)]
    return found[0] if found else None


@torch.inference_mode()
@pytest.mark.parametrize("kind", MEDIA)
def test_same_as_plain_path(
    kind: str, clips_folder: Path, backend: PandaGPT, family: PandaGPTFamily, plain: Plain
) -> None:
    asked = group(media(kind, clips_folder))
    answers = {answer.question_id: answer for answer in backend.answer([asked])}
    soft = soft_token(family, asked)
    for question in asked.questions:
        assert isinstance(question.request, Generate)
        expected = plain.answer(soft, question.after_media, question.request.max_new_tokens)
        answer = answers[question.id]
        assert (answer.status, answer.text) == (Status.OK, expected), question.id


@torch.inference_mode()
@pytest.mark.parametrize("mode", ["batched", "reference"])
def test_options_score_as_in_separate_forwards(
    mode: str, shared_folder: Path, clips_folder: Path, family: PandaGPTFamily, plain: Plain
) -> None:
    backend = backend_on(shared_folder, batch_mode=mode)
    options = ("Bird", "Bird song", "Cat")
    question = Question("q", "", "What is heard?", ScoreOptions(options))
    asked = Group(media("aligned", clips_folder), "", (question,))
    (answer,) = backend.answer([asked])
    soft = soft_token(family, asked)
    line = plain.pieces.encode("yes\n")[-1]
    for score in answer.option_scores:
        ids = [*plain.pieces.encode(score.option), line]
        expected = plain.log_likelihood(soft, question.after_media, ids)
        assert score.tokens == len(ids)
        assert score.log_likelihood == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("aligned", (None, None, Evidence.JOINT)),
        ("silent", (None, None, Evidence.JOINT)),
        ("no audio", (1, 0, Evidence.COUNTED)),
        ("no video", (0, 1, Evidence.COUNTED)),
        ("neither", (0, 0, Evidence.COUNTED)),
    ],
)
def test_two_streams_share_one_token(
    kind: str,
    counts: tuple[int | None, int | None, Evidence],
    clips_folder: Path,
    backend: PandaGPT,
) -> None:
    asked = group(media(kind, clips_folder))
    for answer in backend.answer([Group(asked.media, "", asked.questions[:1])]):
        assert answer.tokens is not None
        assert (answer.tokens.video, answer.tokens.audio, answer.tokens.evidence) == counts


@torch.inference_mode()
def test_the_shared_token_is_the_sum_of_both(clips_folder: Path, family: PandaGPTFamily) -> None:
    def soft(kind: str) -> torch.Tensor:
        found = soft_token(family, group(media(kind, clips_folder)))
        assert found is not None
        return found

    torch.testing.assert_close(soft("aligned"), soft("no audio") + soft("no video"))
    assert not torch.equal(soft("silent"), soft("no audio"))


def test_text_before_the_media_comes_first(clips_folder: Path, family: PandaGPTFamily) -> None:
    head = family.head(media("no audio", clips_folder), "A clip from the web: ", FeatureCache(0))
    text = family.tokenizer.encode("### Human: A clip from the web: <Img>")
    assert getattr(head.parts[0], "ids", None) == (family.tokenizer.begin, *text)


@pytest.mark.parametrize("text", ["###", "yes ###", "yes\n###", "two words\n\n###"])
def test_the_mark_of_a_turn_ends_an_answer(text: str, family: PandaGPTFamily) -> None:
    ids = tuple(family.tokenizer.encode(text))
    assert any(ids[-len(stop) :] == stop for stop in stop_sequences(family.tokenizer))
    assert family.read(family.tokenizer.encode(f"{text} Human: more")) == text[:-3].strip()


@pytest.fixture(scope="module")
def run(
    shared_folder: Path, clips_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    yield evaluate(
        "pandagpt-13b",
        "mma_bench",
        dataset=clips_folder / "manifest.jsonl",
        limit=1,
        model_args=arguments(shared_folder),
        output_path=tmp_path_factory.mktemp("panda"),
    )


def test_every_question_is_answered_from_joint_tokens(run: Run) -> None:
    asked = [one for one in run.samples if not one.task.startswith("long_context")]
    assert len({one.task for one in asked}) == len(asked) == TASKS + CONTROLS - 2
    assert {one.status for one in asked} == {Status.OK}
    assert {one.tokens.evidence if one.tokens else None for one in asked} == {Evidence.JOINT}
    assert run.manifest.scores is not None
    assert run.manifest.scores.coverage == 1.0


def test_long_context_is_not_applicable(run: Run) -> None:
    asked = [one for one in run.samples if one.task.startswith("long_context")]
    assert len(asked) == 2
    assert {one.status for one in asked} == {Status.NOT_APPLICABLE}


def test_what_is_missing_is_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        find_parts(tmp_path, PartNames("imagebind_huge.pth", "vicuna", "delta.pt"))
    sentence = str(caught.value)
    for name in ("imagebind_huge.pth", "vicuna", "delta.pt", "--model-args"):
        assert name in sentence


def test_a_card_without_a_folder_says_what_to_do() -> None:
    model = create_model(CardCatalogue().get("pandagpt-13b"))
    with pytest.raises(UsageError, match="pretrained=FOLDER"):
        model.fingerprint()


def test_stretches_are_known_without_weights_and_tell_runs_apart(shared_folder: Path) -> None:
    one, other = (backend_on(shared_folder, clip_spacing=name) for name in ("stretches", "gaps"))
    assert one.sampling != other.sampling
    assert one.fingerprint() != other.fingerprint()


def test_an_incomplete_file_is_refused(shared_folder: Path, tmp_path: Path) -> None:
    folder = shared_folder / "golden" / "panda"
    tensors = read_tensors([folder / NAMES.imagebind])
    del tensors["modality_trunks.audio.blocks.1.norm_1.weight"]
    torch.save(tensors, tmp_path / "partly.pth")
    backend = backend_on(shared_folder, imagebind=str(tmp_path / "partly.pth"))
    with pytest.raises(ModelError, match="audio tower: 1 weights missing"):
        backend.load()


def test_heads_must_share_the_width(shared_folder: Path, tmp_path: Path) -> None:
    for name in (NAMES.imagebind, "vicuna", "delta"):
        (tmp_path / name).symlink_to(shared_folder / "golden" / "panda" / name)
    (tmp_path / "sizes.json").write_text('{"vision": {"num_heads": 1009}}', encoding="utf-8")
    backend = backend_on(shared_folder, pretrained=str(tmp_path))
    with pytest.raises(ModelError, match="wide, which 1009 heads cannot share"):
        backend.load()
