"""Several prompts and their answers as one batch of embeddings for a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import torch
from torch.nn import functional as F

from mma_eval.models.local.fed_prompt import Stream, followed_by
from mma_eval.train.feed import TrainingPrompt

UNTAUGHT = -100
"""The label of places after which nothing is taught."""


class Batch(TypedDict):
    """`B` sequences of prompt and answer, padded at the end to `L` tokens.

    No mask is needed: attention is causal, so no token sees the padding after it.
    """

    inputs_embeds: torch.Tensor
    """`[B, L, width]`"""
    position_ids: torch.Tensor
    """`[B, L]`, or `[3, B, L]` on three axes."""
    labels: torch.Tensor
    """`[B, L]`: the token that must follow each place, `UNTAUGHT` where none is taught."""
    visual_pos_masks: NotRequired[torch.Tensor]
    """bool `[B, L]`: the visual tokens, where the decoder takes deepstack features."""
    deepstack_visual_embeds: NotRequired[list[torch.Tensor]]
    """One `[visual tokens of the batch, width]` for each of the decoder's first layers."""
    video_places: NotRequired[torch.Tensor]
    """bool `[B, L]`: where embeddings are projected anew, here and for the sound."""
    video_towers: NotRequired[list[torch.Tensor]]
    """What the tower made of each sample's picture."""
    audio_places: NotRequired[torch.Tensor]
    audio_towers: NotRequired[list[torch.Tensor]]


@dataclass(frozen=True)
class Collator:
    """Pads and joins prompts; `embed` is the decoder's own embedding of ids."""

    embed: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, prompts: Sequence[TrainingPrompt]) -> Batch:
        length = max(_length(prompt) for prompt in prompts)
        batch = Batch(
            inputs_embeds=torch.cat([self._embeddings(prompt, length) for prompt in prompts]),
            position_ids=torch.cat([_positions(prompt, length) for prompt in prompts], dim=-2),
            labels=torch.stack([_labels(prompt, length) for prompt in prompts]),
        )
        stacks = [prompt.fed.deepstack for prompt in prompts]
        depth = max((len(stack.layers) for stack in stacks if stack is not None), default=0)
        if depth:
            batch["visual_pos_masks"] = torch.cat([_visual(prompt, length) for prompt in prompts])
            batch["deepstack_visual_embeds"] = [
                torch.cat([stack.layers[layer] for stack in stacks if stack is not None])
                for layer in range(depth)
            ]
        if any(prompt.towers for prompt in prompts):
            batch["video_places"] = _places(prompts, "video", length)
            batch["video_towers"] = _towers(prompts, "video")
            batch["audio_places"] = _places(prompts, "audio", length)
            batch["audio_towers"] = _towers(prompts, "audio")
        return batch

    def _embeddings(self, prompt: TrainingPrompt, length: int) -> torch.Tensor:
        """`[1, length, width]`; the last token of the answer is predicted and never fed."""
        fed = prompt.fed.embeddings
        with torch.no_grad():
            answer = self.embed(torch.tensor([prompt.answer[:-1]], device=fed.device).long())
        whole = torch.cat((fed, answer.to(fed.dtype)), dim=1)
        return F.pad(whole, (0, 0, 0, length - whole.shape[1]))


def _length(prompt: TrainingPrompt) -> int:
    return prompt.fed.embeddings.shape[1] + len(prompt.answer) - 1


def _positions(prompt: TrainingPrompt, length: int) -> torch.Tensor:
    """`[..., 1, length]`; they go on through the padding, as those of another prompt do not."""
    positions = prompt.fed.positions
    return followed_by(positions, range(length - positions.shape[-1]))


def _labels(prompt: TrainingPrompt, length: int) -> torch.Tensor:
    """`[length]`; the prompt's last place is the first that teaches."""
    labels = torch.full((length,), UNTAUGHT, device=prompt.fed.embeddings.device)
    first = prompt.fed.embeddings.shape[1] - 1
    labels[first : first + len(prompt.answer)] = torch.tensor(prompt.answer, device=labels.device)
    return labels


def _visual(prompt: TrainingPrompt, length: int) -> torch.Tensor:
    """bool `[1, length]`"""
    stack = prompt.fed.deepstack
    if stack is None:
        device = prompt.fed.embeddings.device
        return torch.zeros(1, length, dtype=torch.bool, device=device)
    return F.pad(stack.places, (0, length - stack.places.shape[1]))


def _places(prompts: Sequence[TrainingPrompt], stream: Stream, length: int) -> torch.Tensor:
    """bool `[B, length]`"""
    rows = [prompt.fed.places(stream) for prompt in prompts]
    found = torch.stack([F.pad(row, (0, length - len(row))) for row in rows])
    return found.to(prompts[0].fed.embeddings.device)


def _towers(prompts: Sequence[TrainingPrompt], stream: Stream) -> list[torch.Tensor]:
    """Copies: what was made in inference mode cannot take part in gradients."""
    found = (one for prompt in prompts for one in prompt.towers if one.stream == stream)
    return [one.made.clone() for one in found]
