"""Loading the LLaMA decoder that a multimodal model is built on, by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models.local.checkpoint_tensors import check_report
from mma_eval.models.local.text_tokenizer import quiet_transformers

COMPUTED = "rotary_emb.inv_freq"
"""Kept by old checkpoints, computed anew today."""


def load_llama(folder: Path, *, dtype: torch.dtype, device: str, attention: str) -> Any:
    """`LlamaForCausalLM` of the folder, `.safetensors` or `.bin`, in evaluation mode.

    Raises ModelError unless every weight is found and none is left over.
    """
    from transformers import LlamaForCausalLM

    placing = {} if device == "cpu" else {"device_map": {"": device}}
    try:
        with quiet_transformers():
            model, report = LlamaForCausalLM.from_pretrained(
                str(folder),
                dtype=dtype,
                attn_implementation=attention,
                output_loading_info=True,
                weights_only=True,
                **placing,
            )
    except ImportError as error:
        raise PrerequisiteError(f"attention={attention} cannot be used here: {error}") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise ModelError(f"not enough memory on {device} for '{folder}'") from error
        raise ModelError(f"cannot load '{folder}' as a LLaMA model: {error}") from error
    check_report(report, folder, "LLaMA model", lambda key: key.endswith(COMPUTED))
    return model.eval()
