"""A LLaMA checkpoint is loaded whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mma_eval.errors import ModelError
from mma_eval.models.local.llama import load_llama
from mma_eval.models.local.placing import Placing

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(folder)
    return folder


def as_pickle(folder: Path, copy: Path, *, without: str | None = None) -> Path:
    """The checkpoint as published before safetensors, with what was kept then."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    if without is not None:
        del tensors[without]
    copy.mkdir()
    shutil.copy(folder / "config.json", copy)
    torch.save(tensors, copy / "pytorch_model.bin")
    return copy


def load(folder: Path) -> LlamaForCausalLM:
    model = load_llama(folder, Placing("cpu", "fp32", "sdpa", prefill_chunk=1024))
    assert isinstance(model, LlamaForCausalLM)
    return model


@torch.inference_mode()
def test_both_layouts_are_the_same_model(checkpoint: Path, tmp_path: Path) -> None:
    ids = torch.arange(8)[None]
    pickled = load(as_pickle(checkpoint, tmp_path / "pickle"))
    assert torch.equal(load(checkpoint)(ids).logits, pickled(ids).logits)


def test_a_missing_weight_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    lacking = as_pickle(checkpoint, tmp_path / "partly", without="model.norm.weight")
    with pytest.raises(ModelError, match=r"1 weights missing.*model\.norm\.weight"):
        load(lacking)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "llama", **SIZES}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="as a LLaMA model"):
        load(tmp_path)
