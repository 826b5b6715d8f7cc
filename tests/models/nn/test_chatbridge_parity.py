"""ChatBridge against what its authors' code computed, stage by stage, on small random weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.base import Question
from mma_eval.models.chatbridge.checkpoint import CONTENT, load_family
from mma_eval.models.chatbridge.family import ChatBridgeFamily
from mma_eval.models.chatbridge.sampling import SAMPLING
from mma_eval.models.local.checkpoint_tensors import read_part
from mma_eval.models.local.embedded_answers import EmbeddedAnswerer, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.group_answers import Asking
from mma_eval.models.local.placing import Placing
from mma_eval.models.local.prefix import Row
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.chatbridge import renamed
from mma_eval.models.nn.chatbridge_input import pictures, spectrogram
from mma_eval.models.nn.chatbridge_sizes import read_sizes
from mma_eval.types import Generate, Group

pytestmark = pytest.mark.parity

CLOSE = 1e-4
HALF_PRECISION = 1e-3
"""Of the reference frames, which are kept in 16 bits: half a step at their largest."""
SOUND = 2e-4
PLACE = "<ImageHere>"


@dataclass(frozen=True)
class Golden:
    """A fixture folder: tensors, the clip and the prompt that they came of, the model."""

    folder: Path
    tensors: dict[str, torch.Tensor]
    prompt: str
    media: Media
    family: ChatBridgeFamily

    @property
    def question(self) -> str:
        """The text between the media's turn and the model's."""
        return self.prompt.rpartition("###Human: ")[2].removesuffix("###Assistant:")

    @property
    def answerer(self) -> EmbeddedAnswerer[ChatBridgeFamily]:
        asking = Asking(4, None, None, options_apart=False, version="golden")
        return EmbeddedAnswerer(asking, FeatureCache(2**24), self.family)


def distance(made: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference between two tensors of one shape."""
    assert made.shape == expected.shape
    return float((made - expected.float()).abs().max())


@pytest.fixture(scope="module")
def golden(shared_folder: Path) -> Golden:
    folder = shared_folder / "golden" / "chatbridge"
    with safe_open(folder / "golden.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = file.metadata()
    sizes = read_sizes(folder)
    assert sizes.llm is not None
    llm = folder / sizes.llm
    family = load_family(
        folder / "checkpoint.pth",
        llm,
        sizes,
        SentencePieces("golden", lambda: llm),
        Placing(device="cpu", dtype="fp32", attention="sdpa", prefill_chunk=1024),
    )
    clip = Clip(shared_folder / "clips" / facts["clip"])
    media = Media(VideoFile(clip), AudioFile(clip))
    return Golden(folder, tensors, facts["prompt"], media, family)


def test_every_tensor_of_the_checkpoint_is_used_or_explained(golden: Golden) -> None:
    tensors = read_part(golden.folder / "checkpoint.pth", CONTENT)
    used = sum(tensor.numel() for tensor in renamed(tensors).values())
    assert used == sum(tensor.numel() for tensor in golden.family.perceiver.parameters())
    explained = {
        name
        for name in tensors
        if name == "Qformer.bert.embeddings.position_ids"
        or name.startswith("audio_encoder.predictor.")
        or (name.endswith("relative_attention_bias.weight") and ".layers.0." not in name)
    }
    # Keys have no bias in EVA; the two that are kept apart become one of three parts.
    blocks = sum(name.endswith("attn.q_bias") for name in tensors)
    assert len(tensors) - len(explained) - blocks == len(renamed(tensors))


def test_the_clip_becomes_the_reference_frames(golden: Golden) -> None:
    frames = golden.media.frames(SAMPLING.frames)
    assert frames is not None
    assert list(frames.indices) == golden.tensors["frame_idx"].tolist()
    expected = golden.tensors["video"][0].float()
    assert distance(pictures(frames.pixels), expected) <= HALF_PRECISION


def test_the_clip_becomes_the_reference_spectrogram(golden: Golden) -> None:
    sound = golden.media.sound(SAMPLING.audio)
    assert sound is not None
    heard = spectrogram(sound)
    assert heard is not None
    assert distance(heard, golden.tensors["audio"][0, 0]) <= SOUND


def test_towers_and_perceiver_agree_stage_by_stage(golden: Golden) -> None:
    perceiver, expected = golden.family.perceiver, golden.tensors
    frames, slices = expected["video"][0].float(), expected["audio"][0]
    with torch.inference_mode():
        stages = {
            "vit_f0": perceiver.frame_features(frames[:1]),
            "image_embeds": perceiver.see(frames),
            "beats": perceiver.sound_features(slices),
            "audio_embeds": perceiver.hear(slices),
        }
    for name, made in stages.items():
        assert distance(made, expected[name]) <= CLOSE, name


def test_segments_have_the_reference_ids(golden: Golden) -> None:
    head = golden.family.head(golden.media, "", FeatureCache(2**24))
    suffix = golden.family.question(head.opening, golden.question)
    texts = [part.ids for part in head.parts if isinstance(part, Text)]
    assert golden.prompt.count(PLACE) == len(texts) - 1 == 2
    start, first, second = texts
    made = [start + first, second, suffix]
    assert [list(ids) for ids in made] == [
        golden.tensors[f"seg{index}"][0].tolist() for index in range(3)
    ]


def test_the_whole_prompt_and_its_logits_agree(golden: Golden) -> None:
    family, expected = golden.family, golden.tensors
    with torch.inference_mode():
        head = family.head(golden.media, "", FeatureCache(2**24))
        suffix = family.question(head.opening, golden.question)
        embeddings = golden.answerer.embeddings([*head.parts, Text(suffix)])
        assert distance(embeddings, expected["inputs_embeds"]) <= CLOSE
        hidden = family.engine.decoder(inputs_embeds=expected["inputs_embeds"]).last_hidden_state
        assert distance(family.engine.head(hidden), expected["logits"]) <= CLOSE
        hidden = family.engine.decoder(inputs_embeds=embeddings).last_hidden_state
        assert distance(family.engine.head(hidden), expected["logits"]) <= SOUND


def test_greedy_ids_are_identical_over_a_shared_prefix(golden: Golden) -> None:
    # The reference's generate() writes the start of a text first.
    begin, *expected = golden.tensors["generated"][0].tolist()
    assert begin == golden.family.tokenizer.begin
    request = Generate(max_new_tokens=len(expected))
    group = Group(golden.media, "", (Question("a", "", golden.question, request),))
    answerer = golden.answerer
    prepared = answerer.prepare(group)

    row = Row(prepared.prompts[0].suffix, request, "a")
    made = answerer.engine.generate(answerer.prefill(prepared), [row])

    assert list(made[0].ids) == expected


def test_sizes_are_those_of_the_fixture(golden: Golden) -> None:
    stated = json.loads((golden.folder / "sizes.json").read_text(encoding="utf-8"))
    assert read_sizes(golden.folder).model_dump(exclude_none=True) == stated
