"""Standing between a decoder's layers and their attention kernel, to look on or to change a mask.

transformers' models ask a registry for the function that computes attention; for a while, a
function of ours stands there under the same name. The layer's output is still the kernel's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from mma_eval.errors import ModelError


@dataclass(frozen=True)
class LayerCall:
    """What one layer's attention is computed from, in one forward of one prompt.

    Queries and keys are rotated already. Heads may share keys: H is a multiple of the key heads.
    """

    layer: int
    query: torch.Tensor
    """`[1, H, Q, width]`: of the last Q of K tokens."""
    key: torch.Tensor
    """`[1, key heads, K, width]`: of all tokens so far."""
    mask: torch.Tensor | None
    """`[1, 1, Q, K]`, bool or additive; None where every token sees itself and all before it."""
    scaling: float

    @property
    def tokens(self) -> int:
        """K, all tokens so far."""
        return self.key.shape[2]

    @property
    def first(self) -> int:
        """The place of the first query among all tokens."""
        return self.key.shape[2] - self.query.shape[2]

    def bias(self, start: int, stop: int) -> torch.Tensor:
        """Additive mask `[stop - start, K]`, float32, of the tokens at `start <= place < stop`."""
        rows = slice(start - self.first, stop - self.first)
        if self.mask is not None and self.mask.dtype != torch.bool:
            return self.mask[0, 0, rows].float()
        if self.mask is not None:
            allowed = self.mask[0, 0, rows]
        else:
            places = torch.arange(self.tokens, device=self.key.device)
            allowed = places <= torch.arange(start, stop, device=self.key.device)[:, None]
        return torch.zeros(allowed.shape, device=self.key.device).masked_fill(
            ~allowed, torch.finfo(torch.float32).min
        )


AtLayer = Callable[[LayerCall], torch.Tensor | None]
"""Given a layer's call, the mask it is to run with: `call.mask` leaves it as it is."""


@contextmanager
def at_every_layer(decoder: Any, work: AtLayer) -> Iterator[None]:
    """Show `work` every attention of `decoder` as it is computed.

    Other models, such as the towers that encode media, go on as they are. Raises ModelError for a
    forward of several prompts, and at the end where no attention of the decoder came by.
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS as FUNCTIONS

    attentions = [layer.self_attn for layer in decoder.layers]
    layers = {id(attention): layer for layer, attention in enumerate(attentions)}
    kernel = str(attentions[0].config._attn_implementation)
    plain = FUNCTIONS.get(kernel)
    seen = False

    def between(module: Any, query: Any, key: Any, value: Any, mask: Any, **more: Any) -> Any:
        nonlocal seen
        compute = plain or _eager_of(module)
        layer = layers.get(id(module))
        if layer is None:
            return compute(module, query, key, value, mask, **more)
        seen = True
        call = LayerCall(layer, query, key, _checked(query, mask), _scaling(query, more))
        return compute(module, query, key, value, work(call), **more)

    FUNCTIONS[kernel] = between
    try:
        yield
    finally:
        del FUNCTIONS[kernel]
        if FUNCTIONS.get(kernel) is not plain:
            # Somebody else stood there before, within whose time this one was.
            FUNCTIONS[kernel] = plain
    if not seen:
        raise ModelError(f"the attention of {type(decoder).__name__} cannot be looked into")


def _eager_of(module: Any) -> Callable[..., Any]:
    """The plain computation, which every family of models has beside its attention."""
    for kind in type(module).__mro__:
        found = getattr(sys.modules[kind.__module__], "eager_attention_forward", None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise ModelError(f"{type(module).__name__} has no eager attention")


def _checked(query: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
    if query.shape[0] != 1:
        raise ModelError("attention is looked into one prompt at a time")
    if mask is not None and (mask.dim() != 4 or mask.shape[1] != 1):
        raise ModelError("this attention kernel takes masks of another kind; use attention=sdpa")
    return mask


def _scaling(query: torch.Tensor, more: dict[str, Any]) -> float:
    stated = more.get("scaling")
    return float(query.shape[-1] ** -0.5 if stated is None else stated)
