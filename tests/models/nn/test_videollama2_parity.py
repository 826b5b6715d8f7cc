"""VideoLLaMA2.1-AV computes what the released code computes, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from mma_eval.media.policy import Sampling
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, VideoFile
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.placing import Placing
from mma_eval.models.local.prefix import Row
from mma_eval.models.nn.videollama2_input import bank, cuts, resampled
from mma_eval.models.videollama2.backend import (
    SYSTEM_PROMPT,
    VideoLlama2Arguments,
    VideoLlama2Model,
)
from mma_eval.models.videollama2.model import Showing, VideoLlama2, load_videollama2
from mma_eval.types import Generate
from tests.models.golden import golden_card

TOLERANCE = 1e-4
MEDIA_PLACEHOLDER = -201
TURN = "<|im_start|>user\n<video>\n"

pytestmark = pytest.mark.parity


@dataclass(frozen=True)
class Golden:
    """Reference tensors, the prompt and clip that they are of, and the loaded checkpoint."""

    tensors: dict[str, torch.Tensor]
    question: str
    media: Media
    model: VideoLlama2
    sampling: Sampling

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.tensors[name].float()


@pytest.fixture(scope="module")
def golden(shared_folder: Path) -> Golden:
    folder = shared_folder / "golden" / "vl2"
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    with safe_open(folder / "golden.safetensors", "pt") as file:
        facts = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    backend = VideoLlama2Model(golden_card(folder / "ckpt", "videollama2"), VideoLlama2Arguments())
    model = load_videollama2(
        folder / "ckpt",
        folder / sizes["vision_tower"],
        Showing(backend.sampling, SYSTEM_PROMPT, sizes["beats"]["max_distance"]),
        Placing("cpu", "fp32", "sdpa", prefill_chunk=1024),
    )
    clip = Clip(shared_folder / "clips" / facts["clip"])
    question = facts["prompt"].partition(TURN)[2].partition("<|im_end|>")[0]
    media = Media(VideoFile(clip), AudioFile(clip))
    return Golden(tensors, question, media, model, backend.sampling)


def difference(made: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference, over the part that the reference kept."""
    for axis, size in enumerate(expected.shape):
        made = made.narrow(axis, 0, size)
    return float((made.float() - expected).abs().max())


def caught(module: torch.nn.Module, run: Callable[[], object]) -> torch.Tensor:
    """What `module` gives while `run` runs."""
    outputs: list[Any] = []
    handle = module.register_forward_hook(lambda _, __, made: outputs.append(made))
    with torch.inference_mode():
        run()
    handle.remove()
    (output,) = outputs
    assert isinstance(output, torch.Tensor)
    return output


def test_every_stage_of_the_picture(golden: Golden) -> None:
    model, frames = golden.model, golden["video"]
    stages = {
        "stc_s1_f0": model.connector.s1,
        "stc_sampler": model.connector.sampler,
        "stc_s2": model.connector.s2,
    }
    for name, stage in stages.items():
        made = caught(stage, lambda: model.see(frames))
        assert difference(made, golden[name]) <= TOLERANCE, name
    with torch.inference_mode():
        shown = model.vision(frames, output_hidden_states=True).hidden_states[model.vision_layer]
        assert difference(shown, golden["vision_tower_f0"]) <= TOLERANCE
        assert difference(model.see(frames)[None], golden["mm_projector"]) <= TOLERANCE


def test_every_stage_of_the_sound(golden: Golden) -> None:
    model, heard = golden.model, golden.tensors["fbank"]
    stages = {
        "beats_patch_ln": model.audio.layer_norm,
        "beats_pos_conv": model.audio.encoder.pos_conv,
        "beats_encoder": model.audio,
        "mm_projector_a": model.audio_projector,
    }
    for name, stage in stages.items():
        made = caught(stage, lambda: model.hear(heard))
        assert difference(made, golden[name]) <= TOLERANCE, name


def test_prompt_and_logits(golden: Golden) -> None:
    model = golden.model
    before, after = _prompt(golden)
    ids = golden.tensors["input_ids"][0].tolist()
    place = ids.index(MEDIA_PLACEHOLDER)
    assert (before, after) == (tuple(ids[:place]), tuple(ids[place + 1 :]))
    with torch.inference_mode():
        embed = model.engine.embed
        seen, heard = model.see(golden["video"]), model.hear(golden.tensors["fbank"])
        start, end = embed(torch.tensor(before)), embed(torch.tensor(after))
        both = torch.cat([start, seen, heard, end])[None]
        assert difference(both, golden["inputs_embeds"]) <= TOLERANCE
        silent = torch.cat([start, seen, end])[None]
        for fed, name in ((both, "logits_tail"), (silent, "logits_video_only_tail")):
            logits = model.language(inputs_embeds=fed).logits
            expected = golden[name]
            assert difference(logits[:, -expected.shape[1] :], expected) <= TOLERANCE, name


def test_greedy_ids(golden: Golden) -> None:
    model = golden.model
    before, after = _prompt(golden)
    expected = golden.tensors["generated"][0].tolist()
    embeddings = golden["inputs_embeds"][:, : -len(after)]
    prefix = model.engine.prefill(before, embeddings, torch.arange(embeddings.shape[1])[None])
    row = Row(after, Generate(max_new_tokens=len(expected)), "greedy")
    (made,) = model.engine.generate(prefix, [row])
    assert list(made.ids) == expected


def test_frames_of_the_clip_are_within_one_grey_level(golden: Golden) -> None:
    frames = golden.media.frames(golden.sampling.frames)
    assert frames is not None
    level = 2 / 255
    half_precision = 2**-11
    made = golden.model.frame_input(frames.pixels)
    assert difference(made, golden["video"]) <= level + half_precision
    assert float((made - golden["video"]).abs().mean()) <= half_precision


def test_sound_of_the_clip_is_within_a_step_of_bfloat16(golden: Golden) -> None:
    sound = golden.media.sound(golden.sampling.audio)
    assert sound is not None
    samples = resampled(sound.samples, sound.rate)
    head = golden["wav_head"]
    assert torch.equal(samples[: len(head)], head)
    made, expected = bank(cuts(samples)).float(), golden["fbank"]
    step = 2.0 ** (expected.abs().clamp_min(2**-6).log2().floor() - 7)
    assert bool(((made - expected).abs() <= step).all())


def test_a_missing_sound_track_is_half_a_minute_of_silence(golden: Golden) -> None:
    media = Media(golden.media.video, NoAudio())
    with torch.inference_mode():
        head = golden.model.head(media, "", FeatureCache(0))
        silence = golden.model.hear(bank(torch.zeros(1)))
    assert torch.equal(head.parts[2].rows, silence)  # type: ignore[union-attr]
    assert len(silence) == golden["mm_projector_a"].shape[1]


def _prompt(golden: Golden) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids before and after the media."""
    head = golden.model.writer.head("", (MEDIA_PLACEHOLDER,))
    return head.ids[:-1], golden.model.question("\n", golden.question)
