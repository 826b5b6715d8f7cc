"""Bringing ChatBridge into memory: one file with everything but, as a rule, the language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mma_eval.errors import ModelError
from mma_eval.models.chatbridge.family import STOP_SEQUENCES, ChatBridgeFamily
from mma_eval.models.local.checkpoint_tensors import DTYPES, filled, within
from mma_eval.models.local.llama import COMPUTED, load_llama
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.chatbridge import ChatBridgePerceiver, renamed
from mma_eval.models.nn.chatbridge_sizes import ChatBridgeSizes

LANGUAGE_MODEL = "llama_model."
"""Where a checkpoint holds the language model, if it does."""


@dataclass(frozen=True)
class Placing:
    """Where the weights go; precision and kernels are the language model's.

    Towers and perceiver are small and compute in fp32.
    """

    device: str
    dtype: str
    attention: str
    prefill_chunk: int


def load_family(
    checkpoint: Path,
    language_model: Path,
    sizes: ChatBridgeSizes,
    tokenizer: SentencePieces,
    placing: Placing,
) -> ChatBridgeFamily:
    """The model of a checkpoint file on the language model in a folder.

    A language model within the checkpoint replaces the folder's weights. Raises ModelError unless
    every weight is found and none is left over.
    """
    tensors = read_tensors(checkpoint)
    llm = _language_model(language_model, within(tensors, LANGUAGE_MODEL), checkpoint, placing)
    with torch.device("meta"):
        empty = ChatBridgePerceiver(sizes, llm.config.hidden_size)
    own = {name: one for name, one in tensors.items() if not name.startswith(LANGUAGE_MODEL)}
    perceiver = filled(empty, renamed(own), checkpoint, "towers and perceiver", torch.float32)
    engine = PrefixEngine(
        decoder=llm.model,
        embed=llm.get_input_embeddings(),
        head=llm.lm_head,
        stop_ids=frozenset({tokenizer.end}),
        pad_id=tokenizer.end,
        device=torch.device(placing.device),
        chunk=placing.prefill_chunk,
        axes=1,
        stop_sequences=STOP_SEQUENCES,
    )
    return ChatBridgeFamily(engine, perceiver.to(placing.device), tokenizer)


def read_tensors(checkpoint: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a checkpoint file, under `model`; nothing but tensors is unpickled."""
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        tensors: Mapping[str, torch.Tensor] = content["model"]
    except (OSError, RuntimeError, UnpicklingError, KeyError, TypeError) as error:
        raise ModelError(
            f"{checkpoint}: is not a ChatBridge checkpoint (a PyTorch file with tensors under"
            " 'model')"
        ) from error
    return tensors


def _language_model(
    folder: Path, tensors: Mapping[str, torch.Tensor], checkpoint: Path, placing: Placing
) -> Any:
    # ChatBridge reads its language model in fp16, whatever it computes in.
    model = load_llama(
        folder, dtype=torch.float16, device=placing.device, attention=placing.attention
    )
    own = {name: tensor for name, tensor in tensors.items() if not name.endswith(COMPUTED)}
    if own:
        filled(model, own, checkpoint, "its language model", torch.float16)
    return model.to(placing.device, DTYPES[placing.dtype])
