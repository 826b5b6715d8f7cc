"""Low-rank adapters on a language model: where they go, and their files."""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mma_eval.errors import StoreError, UsageError, suggestion
from mma_eval.models.local.adapter import CONFIG_FILE, WEIGHTS_FILE
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.train.recipe import LoraSettings
from mma_eval.whole_file import replacing

ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
NAMED = {"q_v": (ATTENTION[0], ATTENTION[2]), "self_attention": ATTENTION}
PROJECTORS = ("model.mm_projector.", "model.mm_projector_a.")
"""Published names of what carries picture and sound into a VideoLLaMA2's language model."""


def target_pattern(answerer: GroupAnswerer[Any], settings: LoraSettings) -> str:
    """A pattern of the names of the modules that are tuned.

    It matches in every layout that transformers gave the model, and never a tower, whose layers
    are called `q_proj` too. Raises UsageError for a target that the model has not.
    """
    places = _layer_places(answerer)
    chosen = sorted(place for name in _wanted(answerer, settings, places) for place in name)
    either = "|".join(re.escape(place) for place in chosen)
    layers = rf"(thinker\.)?model\.(language_model\.)?layers\.\d+\.({either})"
    if not settings.projectors:
        return layers
    return rf"{layers}|{_projector_pattern(answerer)}"


def put_adapters(
    answerer: GroupAnswerer[Any],
    settings: LoraSettings,
    *,
    seed: int,
    base: str,
    revision: str | None,
) -> Any:
    """The PEFT model around `answerer.language`, with new adapters in place and all else frozen."""
    import peft

    config = peft.LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_target_modules(answerer, settings),
        revision=revision,
    )
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = peft.get_peft_model(answerer.language, config)
    # PEFT writes down where the base was read from, which may be a place on this machine.
    wrapped.peft_config["default"].base_model_name_or_path = base
    return wrapped


def trained_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of the weights that are trained, by name, in main memory."""
    return {
        name: weights.detach().cpu().clone()
        for name, weights in module.named_parameters()
        if weights.requires_grad
    }


def put_back(module: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give a module the weights that `trained_weights` took; they are those of this module."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(weights[name])


def save_adapter(wrapped: Any, folder: Path) -> None:
    """Write the adapter as PEFT does, each file whole; raises StoreError."""
    from safetensors import SafetensorError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adapter.", dir=folder) as made:
            # Looking for grown vocabularies would ask the hub for the base model.
            wrapped.save_pretrained(made, save_embedding_layers=False)
            for name in (WEIGHTS_FILE, CONFIG_FILE):
                with replacing(folder / name) as partial:
                    (Path(made) / name).replace(partial)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"{folder}: the adapter cannot be written ({reason(error)}); make room, and the same "
            "command continues from its last checkpoint"
        ) from error


def copy_adapter(source: Path, target: Path) -> None:
    """Copy the adapter of one folder to another, where there is one; raises StoreError."""
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        if not (source / name).is_file():
            continue
        try:
            with replacing(target / name) as partial:
                shutil.copyfile(source / name, partial)
        except OSError as error:
            raise StoreError(
                f"{target}: the adapter cannot be written ({reason(error)}); make room"
            ) from error


def reason(error: Exception) -> str:
    """Why a file could not be written, in a few words."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or next(iter(str(error).splitlines()), type(error).__name__)


def _target_modules(answerer: GroupAnswerer[Any], settings: LoraSettings) -> list[str]:
    """Every tuned module by its whole name.

    PEFT would make bare names of a pattern where a model has experts, and those are towers' too.
    """
    pattern = re.compile(target_pattern(answerer, settings))
    return [name for name, _ in answerer.language.named_modules() if pattern.fullmatch(name)]


def _layer_places(answerer: GroupAnswerer[Any]) -> frozenset[str]:
    """Linear layers within the decoder's layers, by their name within a layer."""
    return frozenset(
        name.partition(".")[2]
        for name, module in answerer.engine.decoder.layers.named_modules()
        if isinstance(module, nn.Linear)
    )


def _wanted(
    answerer: GroupAnswerer[Any], settings: LoraSettings, places: frozenset[str]
) -> list[list[str]]:
    """For each target of the settings, the places that it names."""
    targets = settings.targets
    if targets == "all_linear":
        _refuse_fused_experts(answerer)
        return [sorted(places)]
    names: Sequence[str] = NAMED[targets] if isinstance(targets, str) else targets
    found = []
    for name in names:
        named = [place for place in places if f".{place}".endswith(f".{name}")]
        if not named:
            raise UsageError(
                f"lora.targets: the layers of this language model have no linear '{name}'"
                f"{suggestion(name, places)}"
            )
        found.append(named)
    return found


def _refuse_fused_experts(answerer: GroupAnswerer[Any]) -> None:
    for name, weights in answerer.engine.decoder.layers.named_parameters():
        if ".experts." in name and weights.ndim == 3:
            raise UsageError(
                "lora.targets=all_linear: the experts of this model are fused tensors, which "
                "adapters on linear layers do not reach; use self_attention"
            )


def _projector_pattern(answerer: GroupAnswerer[Any]) -> str:
    names = [
        name
        for name, module in answerer.language.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(PROJECTORS)
    ]
    if not names:
        raise UsageError(
            "lora.projectors: this model has no projectors of its own to tune; leave it false"
        )
    return "|".join(re.escape(name) for name in names)
