"""The loss of answers, and the module that a trainer trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.train.collate import UNTAUGHT
from mma_eval.train.projectors import ProjectedLate


class AnswerModel(nn.Module):
    """A language model that is taught answers; its towers and what is frozen never leave eval."""

    accepts_loss_kwargs = True
    """Read by transformers' Trainer: the loss is a sum, to be divided by the tokens of a step."""

    def __init__(self, answerer: GroupAnswerer[Any], late: ProjectedLate | None = None) -> None:
        super().__init__()
        self.language: nn.Module = answerer.language
        self._answerer, self._late = answerer, late

    @property
    def decoder(self) -> Any:
        return self._answerer.engine.decoder

    def train(self, mode: bool = True) -> AnswerModel:
        """Training mode for the decoder alone: the towers encode as they do when asked."""
        super().train(False)
        self.decoder.train(mode)
        return self

    def checkpoint_activations(self) -> None:
        """Compute the decoder's activations again in the backward pass instead of keeping them."""
        decoder = self.decoder
        # Renamed in transformers 5.23; the earlier name warns there.
        named = getattr(decoder, "activation_checkpointing_enable", None)
        (named or decoder.gradient_checkpointing_enable)({"use_reentrant": False})

    def forward(
        self,
        labels: torch.Tensor,
        inputs_embeds: torch.Tensor,
        video_places: torch.Tensor | None = None,
        video_towers: Sequence[torch.Tensor] = (),
        audio_places: torch.Tensor | None = None,
        audio_towers: Sequence[torch.Tensor] = (),
        **fed: Any,
    ) -> torch.Tensor:
        """Summed cross-entropy of every taught token; logits of no other place are made.

        The arguments are a `Batch`; `fed` is what the decoder takes besides.
        """
        streams = (("video", video_places, video_towers), ("audio", audio_places, audio_towers))
        for stream, places, towers in streams:
            if places is not None and towers and self._late is not None:
                project = self._late.projectors[stream]
                rows = torch.cat([project(one) for one in towers]).to(inputs_embeds.dtype)
                inputs_embeds = inputs_embeds.masked_scatter(places[..., None], rows)
        made = self.decoder(inputs_embeds=inputs_embeds, **fed, use_cache=False)
        hidden = made.last_hidden_state
        taught = labels != UNTAUGHT
        logits = self._answerer.engine.head(hidden[taught])
        return F.cross_entropy(logits.float(), labels[taught], reduction="sum")
