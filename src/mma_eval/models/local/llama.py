"""Loading the LLaMA decoder that a multimodal model is built on, by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mma_eval.models.local.checkpoint_tensors import check_report
from mma_eval.models.local.placing import Placing, loading

COMPUTED = "rotary_emb.inv_freq"
"""Kept by old checkpoints, computed anew today."""


def load_llama(folder: Path, placing: Placing, dtype: torch.dtype | None = None) -> Any:
    """`LlamaForCausalLM` of the folder, `.safetensors` or `.bin`, in evaluation mode.

    `dtype` is that of the weights as they are read, where it is not the one they compute in.
    Raises ModelError unless every weight is found and none is left over.
    """
    from transformers import LlamaForCausalLM

    with loading(folder, "LLaMA model", placing):
        model, report = LlamaForCausalLM.from_pretrained(
            str(folder),
            dtype=dtype or placing.torch_dtype,
            attn_implementation=placing.attention,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            weights_only=True,
            device_map=placing.device_map,
        )
    check_report(report, folder, "LLaMA model", lambda key: key.endswith(COMPUTED))
    return model.eval()
