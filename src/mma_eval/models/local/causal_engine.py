"""The shared-prefix engine on a causal language model of transformers with plain positions."""

from __future__ import annotations

from typing import Any

from mma_eval.errors import ModelError
from mma_eval.models.local.placing import Placing
from mma_eval.models.local.prefix import PrefixEngine


def causal_engine(
    language: Any,
    placing: Placing,
    *,
    stop_ids: frozenset[int],
    pad_id: int,
    stop_sequences: tuple[tuple[int, ...], ...] = (),
) -> PrefixEngine:
    """The engine on `language`, such as a `LlamaForCausalLM`; raises ModelError."""
    check_full_attention(language.model)
    return PrefixEngine(
        decoder=language.model,
        embed=language.get_input_embeddings(),
        head=language.lm_head,
        stop_ids=stop_ids,
        pad_id=pad_id,
        device=placing.torch_device,
        chunk=placing.prefill_chunk,
        axes=1,
        stop_sequences=stop_sequences,
    )


def check_full_attention(decoder: Any) -> None:
    """Raise ModelError where a layer forgets: a prefix that it has let go of cannot be shared."""
    kinds = getattr(decoder.config, "layer_types", None) or ()
    if any(kind != "full_attention" for kind in kinds):
        raise ModelError("this checkpoint uses sliding-window attention, which is not supported")
