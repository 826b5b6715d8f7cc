"""Bringing ChatBridge into memory: one file with everything but, as a rule, the language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mma_eval.models.chatbridge.family import STOP_SEQUENCES, ChatBridgeFamily
from mma_eval.models.local.causal_engine import causal_engine
from mma_eval.models.local.checkpoint_tensors import Tensors, filled, read_part, within
from mma_eval.models.local.llama import COMPUTED, load_llama
from mma_eval.models.local.placing import Placing
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.chatbridge import ChatBridgePerceiver, renamed
from mma_eval.models.nn.chatbridge_sizes import ChatBridgeSizes

CONTENT = "model"
"""Key of a checkpoint under which the tensors are."""
LANGUAGE_MODEL = "llama_model."
"""Where they hold the language model, if they do."""


def load_family(
    checkpoint: Path,
    language_model: Path,
    sizes: ChatBridgeSizes,
    tokenizer: SentencePieces,
    placing: Placing,
) -> ChatBridgeFamily:
    """The model of a checkpoint file on the language model in a folder.

    A language model within the checkpoint replaces the folder's weights. `placing` gives its
    precision and kernel; towers and perceiver are small and compute in fp32. Raises ModelError
    unless every weight is found and none is left over.
    """
    tensors = read_part(checkpoint, CONTENT)
    language = _language_model(language_model, within(tensors, LANGUAGE_MODEL), checkpoint, placing)
    with torch.device("meta"):
        empty = ChatBridgePerceiver(sizes, language.config.hidden_size)
    own = {name: one for name, one in tensors.items() if not name.startswith(LANGUAGE_MODEL)}
    perceiver = filled(empty, renamed(own), checkpoint, "towers and perceiver", torch.float32)
    engine = causal_engine(
        language,
        placing,
        stop_ids=frozenset({tokenizer.end}),
        pad_id=tokenizer.end,
        stop_sequences=STOP_SEQUENCES,
    )
    return ChatBridgeFamily(language, engine, perceiver.to(placing.device), tokenizer)


def _language_model(folder: Path, tensors: Tensors, checkpoint: Path, placing: Placing) -> Any:
    # ChatBridge reads its language model in fp16, whatever it computes in.
    model = load_llama(folder, placing, torch.float16)
    own = {name: tensor for name, tensor in tensors.items() if not name.endswith(COMPUTED)}
    if own:
        filled(model, own, checkpoint, "its language model", torch.float16)
    return model.to(placing.torch_device, placing.torch_dtype)
