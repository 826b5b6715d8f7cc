"""Low-rank additions to linear layers, applied beside them.

Source: LoRA (Hu et al., arXiv 2106.09685). They are not added into the weights: in 16 bits most of
what a small addition changes would be rounded away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mma_eval.errors import ModelError

_NAME = re.compile(r"^(?P<layer>.+)\.lora_(?P<side>[AB])\.default\.weight$")


class LowRankLinear(nn.Module):
    """`base(x) + scale * up(down(x))`."""

    def __init__(self, base: nn.Linear, down: torch.Tensor, up: torch.Tensor, scale: float) -> None:
        """`down` is `[rank, inputs]`, `up` `[outputs, rank]`."""
        super().__init__()
        self.base = base
        self.down = nn.Parameter(down.to(base.weight), requires_grad=False)
        self.up = nn.Parameter(up.to(base.weight), requires_grad=False)
        self.scale = scale

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        added = nn.functional.linear(nn.functional.linear(values, self.down), self.up)
        summed: torch.Tensor = self.base(values) + self.scale * added
        return summed


def add_low_rank(model: Any, tensors: Mapping[str, torch.Tensor], alpha: float | None) -> None:
    """Put `tensors` (`LAYER.lora_A.default.weight` and `lora_B`) beside the layers they name.

    `alpha` is LoRA's, None for that of the rank (a scale of 1). Raises ModelError for a tensor
    without its layer or its other half, or of another size than the layer.
    """
    for layer, (down, up) in sorted(_pairs(tensors).items()):
        base = _layer(model, layer)
        if down.shape[1] != base.in_features or up.shape != (base.out_features, down.shape[0]):
            raise ModelError(
                f"the adapter was trained on another size of model: {layer} is "
                f"{base.in_features} to {base.out_features}, the adapter's "
                f"{down.shape[1]} to {up.shape[0]}"
            )
        scale = 1.0 if alpha is None else alpha / down.shape[0]
        parent, _, name = layer.rpartition(".")
        setattr(model.get_submodule(parent), name, LowRankLinear(base, down, up, scale))


def _pairs(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    sides: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        found = _NAME.match(name)
        if found is None:
            raise ModelError(f"the adapter's tensor {name} is not one of LoRA's")
        sides.setdefault(found["layer"], {})[found["side"]] = tensor
    halves = [layer for layer, both in sides.items() if len(both) < 2]
    if halves:
        raise ModelError(f"the adapter has only half of what {min(halves)} needs")
    return {layer: (both["A"], both["B"]) for layer, both in sides.items()}


def _layer(model: Any, name: str) -> nn.Linear:
    try:
        found = model.get_submodule(name)
    except AttributeError:
        found = None
    if not isinstance(found, nn.Linear):
        raise ModelError(f"the adapter changes {name}, which this model does not have")
    return found
