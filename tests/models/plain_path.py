"""A Qwen-Omni thinker the plain way: one request at a time, whole prompts, `generate()`.

Inputs come from what transformers brings (tokenizer, chat template, mel, chunking), and from code
written apart from the backend where that needs torchvision. Nothing here imports the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media

PATCH, MERGE, GROUP = 14, 2, 2
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass
class PlainPath:
    """A thinker of transformers and its processor's parts; `limits` bound pixels per frame."""

    model: Any
    tokenizer: Any
    extractor: Any
    template: str
    sampling: Sampling
    limits: tuple[int, int]
    system: str | None
    fps: float = 2.0

    @classmethod
    def load(
        cls,
        folder: Path,
        sampling: Sampling,
        limits: tuple[int, int],
        system: str | None,
        fps: float = 2.0,
    ) -> PlainPath:
        from transformers import (
            AutoTokenizer,
            Qwen2_5OmniThinkerForConditionalGeneration,
            WhisperFeatureExtractor,
        )

        model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
            str(folder), dtype=torch.float32
        )
        return cls(
            model.eval(),
            AutoTokenizer.from_pretrained(str(folder)),
            WhisperFeatureExtractor.from_pretrained(str(folder)),
            (folder / "chat_template.jinja").read_text(encoding="utf-8"),
            sampling,
            limits,
            system,
            fps,
        )

    def inputs(self, media: Media, before: str, after: str) -> dict[str, Any]:
        """What `generate` takes for one request."""
        frames = media.frames(self.sampling.frames)
        sound = media.sound(self.sampling.audio)
        kwargs: dict[str, Any] = {"use_audio_in_video": bool(frames and sound)}
        video: dict[str, Any] = {}
        audio: dict[str, Any] = {}
        if frames is not None:
            video = self._video(frames.pixels)
        if sound is not None:
            audio = self._audio(sound.samples[0])
        text = self._expanded(self._rendered(before, after, video, audio), video, audio)
        ids = self.tokenizer(text, return_tensors="pt")
        kwargs |= {"input_ids": ids["input_ids"], "attention_mask": ids["attention_mask"]}
        if video:
            seconds = torch.tensor(video.pop("video_second_per_grid"))
            kwargs |= video | {"video_second_per_grid": seconds}
        if audio:
            audio.pop("num_audio_tokens")
            kwargs |= audio
        return kwargs

    def logits(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Logits `[tokens, vocabulary]` of a plain forward."""
        with torch.inference_mode():
            logits: torch.Tensor = self.model(**inputs).logits[0]
        return logits

    def generate(self, inputs: dict[str, Any], tokens: int, penalty: float = 1.0) -> list[int]:
        """Greedy ids after the prompt."""
        with torch.inference_mode():
            made = self.model.generate(
                **inputs,
                max_new_tokens=tokens,
                do_sample=False,
                repetition_penalty=penalty,
                temperature=None,
                top_p=None,
                top_k=None,
            )
        ids: list[int] = made[0, inputs["input_ids"].shape[1] :].tolist()
        return ids

    def option_log_likelihood(self, inputs: dict[str, Any], option: Sequence[int]) -> float:
        """Sum of log-probabilities of `option` after the prompt, by a forward of its own."""
        prompt = inputs["input_ids"].shape[1]
        ids = torch.cat((inputs["input_ids"], torch.tensor([list(option)])), dim=1)
        whole = inputs | {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        scores = self.logits(whole).log_softmax(-1)
        return sum(float(scores[prompt - 1 + i, token]) for i, token in enumerate(option))

    def _rendered(self, before: str, after: str, video: dict[str, Any], audio: Any) -> str:
        content = [{"type": "text", "text": before}]
        if video:
            content.append({"type": "video"})
        elif audio:
            content.append({"type": "audio"})
        content.append({"type": "text", "text": after})
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if self.system is not None:
            said = [{"type": "text", "text": self.system}]
            messages.insert(0, {"role": "system", "content": said})
        text: str = self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, add_generation_prompt=True, tokenize=False
        )
        return text

    def _expanded(self, text: str, video: dict[str, Any], audio: dict[str, Any]) -> str:
        """The prompt with its one placeholder repeated as often as there are features."""
        seen = int(video["video_grid_thw"][0].prod()) // MERGE**2 if video else 0
        heard = int(audio["num_audio_tokens"]) if audio else 0
        if not (video and audio):
            text = text.replace("<|VIDEO|>", "<|VIDEO|>" * seen)
            return text.replace("<|AUDIO|>", "<|AUDIO|>" * heard)
        per_group = seen // int(video["video_grid_thw"][0, 0])
        pace = video["video_second_per_grid"][0] * self.model.config.position_id_per_seconds
        times = torch.arange(seen) // per_group * pace
        chunk = 2 * self.model.config.position_id_per_seconds
        stretches = zip_longest(
            self.model.get_chunked_index(times, chunk, 0),
            self.model.get_chunked_index(torch.arange(heard), chunk, 0),
            fillvalue=(0, 0),
        )
        inner = "".join(
            "<|VIDEO|>" * (v[1] - v[0]) + "<|AUDIO|>" * (a[1] - a[0]) for v, a in stretches
        )
        return text.replace("<|VIDEO|>", f"<|audio_bos|>{inner}<|audio_eos|>")

    def _audio(self, samples: NDArray[np.float32]) -> dict[str, Any]:
        made = self.extractor(
            samples,
            sampling_rate=16_000,
            padding="max_length",
            return_attention_mask=True,
            return_tensors="pt",
        )
        mask = made["attention_mask"]
        return {
            "input_features": made["input_features"],
            "feature_attention_mask": mask,
            "num_audio_tokens": audio_tokens(mask.sum(-1)),
        }

    def _video(self, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        values, grid = plain_patches(pixels, *self.limits)
        return {
            "pixel_values_videos": torch.from_numpy(values),
            "video_grid_thw": torch.tensor([grid]),
            "video_second_per_grid": [GROUP / self.fps],
        }


def audio_tokens(mel_frames: torch.Tensor) -> torch.Tensor:
    """Tokens of sounds of so many mel frames, as the audio tower itself counts them."""
    from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

    counted: torch.Tensor = Qwen2_5OmniAudioEncoder._get_feat_extract_output_lengths(
        None, mel_frames
    )[1]
    return counted


def plain_size(
    height: int, width: int, smallest: int, largest: int, patch: int = PATCH
) -> tuple[int, int]:
    """Height and width after resizing, as `smart_resize` of transformers' Qwen2-VL (its module
    needs pillow) defines them: multiples of two patches, scaled by the root of the excess."""
    step = patch * MERGE
    sizes = np.array([height, width], dtype=np.float64)
    near = np.round(sizes / step) * step
    excess = np.sqrt(height * width / np.array([largest, smallest]))
    if near.prod() > largest:
        near = np.maximum(step, np.floor(sizes / excess[0] / step) * step)
    elif near.prod() < smallest:
        near = np.ceil(sizes / excess[1] / step) * step
    return int(near[0]), int(near[1])


def plain_patches(
    pixels: NDArray[np.uint8],
    smallest: int,
    largest: int,
    patch: int = PATCH,
    mean: tuple[float, ...] = CLIP_MEAN,
    std: tuple[float, ...] = CLIP_STD,
) -> tuple[NDArray[np.float32], tuple[int, int, int]]:
    """Patches of `[T, H, W, 3]` in the order of Qwen's towers, cut out one by one."""
    height, width = plain_size(pixels.shape[1], pixels.shape[2], smallest, largest, patch)
    frames = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2)
    if (height, width) != pixels.shape[1:3]:
        frames = torch.nn.functional.interpolate(
            frames, size=(height, width), mode="bicubic", antialias=True
        )
    centre = np.array(mean, dtype=np.float32) * np.float32(255)
    spread = np.array(std, dtype=np.float32) * np.float32(255)
    scaled = (frames.numpy().astype(np.float32) - centre[:, None, None]) / spread[:, None, None]
    cells = []
    for group in range(0, len(scaled), GROUP):
        for row in range(0, height, patch * MERGE):
            for column in range(0, width, patch * MERGE):
                for down in (0, patch):
                    for across in (0, patch):
                        top, left = row + down, column + across
                        cell = scaled[group : group + GROUP, :, top : top + patch, left:]
                        cells.append(cell[..., :patch].transpose(1, 0, 2, 3).reshape(-1))
    grid = (len(scaled) // GROUP, height // patch, width // patch)
    return np.stack(cells), grid
