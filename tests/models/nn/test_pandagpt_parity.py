"""PandaGPT computes what the reference implementation does, tensor by tensor.

The set in `shared/golden/panda` may be replaced by another in the same layout: clip and prompt
come from its metadata, sizes from its `sizes.json`.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch

from mma_eval.media.audio import Sound
from mma_eval.media.container import probe
from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.local.embedded_answers import Embedded, EmbeddedAnswerer, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.group_answers import Asking
from mma_eval.models.local.prefix import Row
from mma_eval.models.nn.imagebind_input import FULL_SCALE, ImageBindInput
from mma_eval.models.pandagpt.family import (
    HUMAN,
    MEDIA_END,
    MEDIA_START,
    PandaGPTFamily,
    joined,
)
from mma_eval.types import Generate
from tests.models.pandagpt_checkpoint import golden_family

pytestmark = pytest.mark.parity

TOLERANCE = 1e-4
SOUND = 2e-4
"""Of a filter bank from the clip itself, as met in the reference's own trial."""
SINGLE_STEP = 4e-4
"""Of the filter bank, where the rounding of one 16-bit sample fell the other way."""


@dataclass(frozen=True)
class Golden:
    """What the reference computed, and from what."""

    tensors: dict[str, torch.Tensor]
    prompt: str
    clip: Clip
    media: Media
    every: int
    """One of so many views was shown."""

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.tensors[name].float()

    def ids(self, name: str) -> list[int]:
        ids: list[int] = self.tensors[name][0].tolist()
        return ids


@pytest.fixture(scope="module")
def golden(shared_folder: Path) -> Golden:
    from safetensors import safe_open

    with safe_open(shared_folder / "golden" / "panda" / "golden.safetensors", "pt") as file:
        stated = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    clip = Clip(shared_folder / "clips" / stated["clip"])
    every = re.search(r"::(\d+)", stated["views"])
    assert every is not None
    media = Media(VideoFile(clip), AudioFile(clip))
    return Golden(tensors, stated["prompt"], clip, media, int(every[1]))


@pytest.fixture(scope="module")
def family(shared_folder: Path) -> PandaGPTFamily:
    return golden_family(shared_folder)


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    assert found.shape == expected.shape
    return float((found - expected).abs().max())


def test_views_of_the_clip(golden: Golden) -> None:
    inputs = ImageBindInput()
    frames = golden.media.frames(inputs.taken.policies.frames)
    assert frames is not None
    views = inputs.views(frames.pixels)
    # The reference kept these in half precision, whose step at the largest value is 2^-9.
    assert apart(views[:: golden.every], golden["video"][0]) <= 2**-10


def test_spectrograms_of_the_clip(golden: Golden) -> None:
    sound = golden.media.sound(ImageBindInput().taken.policies.audio)
    assert sound is not None
    away = distances(golden, sound)
    # The reference's 16-bit sound is that of FFmpeg 4, whose AAC decoder differs from today's by
    # up to 0.006 of a step: 55 samples of 884,736 half way between two steps go the other way.
    assert (away > SOUND).float().mean() < 1e-4
    assert away.max() <= SINGLE_STEP


def test_spectrograms_of_the_clip_as_the_reference_decoded_it(golden: Golden) -> None:
    assert distances(golden, decoded_by_ffmpeg_4(golden.clip.path)).max() <= SOUND


@torch.inference_mode()
def test_audio_tower(golden: Golden, family: PandaGPTFamily) -> None:
    tokens = family.audio.tokens(golden["audio"][0])
    assert apart(tokens, golden["audio_tokens"]) <= TOLERANCE
    assert apart(family.audio.trunk(tokens), golden["audio_trunk"]) <= TOLERANCE
    assert apart(family.audio(golden["audio"][0]), golden["audio_emb"]) <= TOLERANCE


@torch.inference_mode()
def test_vision_tower(golden: Golden, family: PandaGPTFamily) -> None:
    first = family.vision.tokens(golden["video"][0, :1])
    assert apart(first, golden["vision_tokens_v0"]) <= TOLERANCE
    assert apart(family.vision.trunk(first), golden["vision_trunk_v0"]) <= TOLERANCE
    assert apart(family.vision(golden["video"][0]), golden["vision_emb"]) <= TOLERANCE


@torch.inference_mode()
def test_vectors_of_the_clip_itself(golden: Golden, family: PandaGPTFamily) -> None:
    frames = golden.media.frames(family.inputs.taken.policies.frames)
    sound = golden.media.sound(family.inputs.taken.policies.audio)
    assert frames is not None and sound is not None
    shown = family.inputs.views(frames.pixels)[:: golden.every]
    assert apart(family.vision(shown), golden["vision_emb"]) <= TOLERANCE
    heard = family.inputs.spectrograms(sound)
    assert apart(family.audio(heard), golden["audio_emb"]) <= TOLERANCE


@torch.inference_mode()
def test_one_soft_token_for_both_streams(golden: Golden, family: PandaGPTFamily) -> None:
    assert apart(soft_token(golden, family).rows[None], golden["feature"]) <= TOLERANCE


def test_prompt_ids(golden: Golden, family: PandaGPTFamily) -> None:
    before = family.tokenizer.encode(f"{HUMAN}{MEDIA_START}")
    assert before == golden.ids("ids_before")
    assert list(family.question(MEDIA_END, golden.prompt)) == golden.ids("ids_after")


@torch.inference_mode()
def test_decoder_input_and_logits(golden: Golden, family: PandaGPTFamily) -> None:
    answerer = EmbeddedAnswerer(Asking(1, None, None, False, "golden"), FeatureCache(0), family)
    made = answerer.embeddings((*head(golden, family), Text(tuple(golden.ids("ids_after")))))
    assert apart(made, golden["inputs_embeds"]) <= TOLERANCE
    hidden = family.engine.decoder(inputs_embeds=made).last_hidden_state
    assert apart(family.engine.head(hidden), golden["logits"]) <= TOLERANCE


@torch.inference_mode()
def test_greedy_answer(golden: Golden, family: PandaGPTFamily) -> None:
    answerer = EmbeddedAnswerer(Asking(1, None, None, False, "golden"), FeatureCache(0), family)
    made = answerer.embeddings(head(golden, family))
    ids = [family.tokenizer.begin, *golden.ids("ids_before")]
    prefix = family.engine.prefill(ids, made, torch.arange(made.shape[1])[None])
    # Transformers of that time put the first token of a text before what was generated.
    first, *expected = golden.ids("generated")
    assert first == family.tokenizer.begin
    row = Row(tuple(golden.ids("ids_after")), Generate(max_new_tokens=len(expected)), "golden")
    (answer,) = family.engine.generate(prefix, [row])
    assert list(answer.ids) == expected


def soft_token(golden: Golden, family: PandaGPTFamily) -> Embedded:
    return joined(
        [
            Embedded("video", family.projection(golden["vision_emb"])),
            Embedded("audio", family.projection(golden["audio_emb"])),
        ]
    )


def head(golden: Golden, family: PandaGPTFamily) -> tuple[Text | Embedded, ...]:
    before = (family.tokenizer.begin, *golden.ids("ids_before"))
    return Text(before), soft_token(golden, family)


def distances(golden: Golden, sound: Sound) -> torch.Tensor:
    """`[3, 204, 128]` between the spectrograms of `sound` and the reference's."""
    made = ImageBindInput().spectrograms(sound)
    return (made - golden["audio"][0]).abs()[:, 0].transpose(1, 2)


def decoded_by_ffmpeg_4(path: Path) -> Sound:
    """The sound track in the 16 bits that the reference decoded."""
    facts = probe(path)
    assert facts.rate is not None and facts.channels is not None
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    raw = subprocess.run([*program, "-f", "s16le", "-"], stdout=subprocess.PIPE, check=True).stdout
    steps = np.frombuffer(raw, "<i2").reshape(-1, facts.channels).T
    return Sound((steps / np.float32(FULL_SCALE)).astype(np.float32), facts.rate)
