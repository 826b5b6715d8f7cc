"""PEFT adapters on a model, whatever names its layers had when the adapter was trained."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models.local.weights import content_hash

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"

_PARAMETER = re.compile(r"\.(lora_[A-Za-z_]+)(?:\..*)?$")


def adapter_files(folder: Path) -> list[Path]:
    """The files that make the adapter; raises PrerequisiteError where one is missing."""
    files = [folder / CONFIG_FILE, folder / WEIGHTS_FILE]
    for file in files:
        if not file.is_file():
            raise PrerequisiteError(f"no PEFT adapter in '{folder}': it has no {file.name}")
    return files


def adapter_identity(folder: Path | None) -> str | None:
    """Hash of an adapter's content, None without one."""
    return None if folder is None else content_hash(adapter_files(folder))


def published_name(name: str) -> str:
    """The name of a module or tensor within the published thinker (`model.layers...`, `visual...`).

    Adapters are trained on the full model (`thinker.model.layers...`), on the thinker of
    transformers before 5.21 (as published) or on today's (`model.language_model.layers...`).
    """
    name = re.sub(r"^(base_model\.model\.)+", "", name)
    name = name.removeprefix("thinker.")
    name = re.sub(r"^model\.(visual|audio_tower)\.", r"\1.", name)
    return re.sub(r"^(model\.)?language_model\.", "model.", name)


def nested_name(published: str) -> str:
    """The name that transformers from 5.21 on gives to what is published as `published`."""
    name = re.sub(r"^(visual|audio_tower)\.", r"model.\1.", published)
    return name if name != published else re.sub(r"^model\.", "model.language_model.", name)


def attach_adapter(model: Any, folder: Path) -> Any:
    """`model` with the adapter's layers in place, in evaluation mode.

    Raises ModelError unless every tensor of the adapter finds its place and every place gets its
    tensor: a half-loaded adapter answers like the base model and says nothing.
    """
    import peft
    from safetensors.torch import load_file

    adapter_files(folder)
    nested = hasattr(model.model, "language_model")
    tensors = {
        _in_memory(name, nested): tensor
        for name, tensor in load_file(folder / WEIGHTS_FILE).items()
    }
    config = peft.PeftConfig.from_pretrained(str(folder))
    _check_kind(config, folder)
    config.target_modules = _targets(model, tensors, folder)
    config.exclude_modules = None
    config.layers_to_transform = None
    config.layers_pattern = None
    config.rank_pattern = _renamed(config.rank_pattern, nested)
    config.alpha_pattern = _renamed(config.alpha_pattern, nested)
    config.inference_mode = True
    # PEFT would warn that the base is called otherwise here; its tensors say whether it fits.
    config.base_model_name_or_path = None
    try:
        wrapped = _wrapped(model, config)
        # Looking for grown vocabularies would ask the hub for the base model.
        expected = peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False)
        named = {f"base_model.model.{name}": tensor for name, tensor in tensors.items()}
        _check_names(set(expected), set(named), folder)
        _check_shapes(expected, named, folder)
        peft.set_peft_model_state_dict(wrapped, named)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"the adapter '{folder}' does not fit this model: {error}") from error
    return wrapped.get_base_model().eval()


def _wrapped(model: Any, config: Any) -> Any:
    """`model` with empty adapter layers; deprecations between two libraries concern no user."""
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return peft.get_peft_model(model, config)


def _check_kind(config: Any, folder: Path) -> None:
    if config.peft_type != "LORA":
        raise ModelError(f"the adapter '{folder}' is of kind {config.peft_type}; only LoRA is read")
    if config.modules_to_save:
        saved = ", ".join(config.modules_to_save)
        raise ModelError(f"the adapter '{folder}' replaces whole modules ({saved}); not supported")


def _targets(model: Any, tensors: dict[str, Any], folder: Path) -> list[str]:
    """The exact modules that the adapter's tensors belong to."""
    modules = {name for name, _ in model.named_modules()}
    targets, lost = set(), []
    for name in tensors:
        module = _PARAMETER.sub("", name)
        if module != name and module in modules:
            targets.add(module)
        else:
            lost.append(name)
    if lost or not targets:
        raise ModelError(
            f"the adapter '{folder}' has {len(lost)} of {len(tensors)} tensors without a place in "
            f"this model{', such as ' + min(lost) if lost else ''}"
        )
    return sorted(targets)


def _in_memory(name: str, nested: bool) -> str:
    published = published_name(name)
    return nested_name(published) if nested else published


def _renamed(pattern: dict[str, Any], nested: bool) -> dict[str, Any]:
    """Patterns that name whole modules, under their names in memory; others stay."""
    whole = re.compile(r"^(base_model|thinker|model|language_model|visual|audio_tower)\.")
    return {_in_memory(k, nested) if whole.match(k) else k: v for k, v in pattern.items()}


def _check_names(expected: set[str], found: set[str], folder: Path) -> None:
    astray = sorted(expected ^ found)
    if astray:
        raise ModelError(
            f"the adapter '{folder}' and this model disagree on {len(astray)} tensors, "
            f"such as {astray[0]}"
        )


def _check_shapes(expected: dict[str, Any], found: dict[str, Any], folder: Path) -> None:
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise ModelError(
                f"the adapter '{folder}' was trained on another size of model: {name} is "
                f"{tuple(tensor.shape)}, not {tuple(expected[name].shape)}"
            )
