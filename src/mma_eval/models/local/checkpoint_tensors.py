"""Tensors of a published checkpoint, and modules filled with exactly those that belong to them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from torch import nn

from mma_eval.errors import ModelError
from mma_eval.models.local.json_file import reason

Tensors = Mapping[str, torch.Tensor]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def read_tensors(files: Iterable[Path]) -> dict[str, torch.Tensor]:
    """All tensors of `.safetensors` files or of pickles, which may hold nothing but tensors.

    Raises ModelError for a file that cannot be read.
    """
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        tensors |= _checked(read_content(file), file)
    return tensors


def read_part(file: Path, key: str) -> Tensors:
    """The tensors that a pickle holds under `key`; raises ModelError."""
    content = read_content(file)
    if not isinstance(content, dict) or key not in content:
        raise ModelError(f"'{file}' holds no tensors under '{key}'")
    return _checked(content[key], file)


def read_content(file: Path) -> Any:
    """What a weights file holds, on the CPU; pickles may hold no code. Raises ModelError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True, mmap=is_zipfile(file))
    except pickle.UnpicklingError as error:
        # torch's own message advises to load without safety.
        why = "it is no file of tensors, or holds code besides, which is never run"
        raise ModelError(f"cannot read the weights in '{file}': {why}") from error
    except (SafetensorError, OSError, RuntimeError, EOFError) as error:
        why = f"{reason(error)}; is the file whole?"
        raise ModelError(f"cannot read the weights in '{file}': {why}") from error


def _checked(content: Any, file: Path) -> Tensors:
    if not isinstance(content, Mapping):
        raise ModelError(f"'{file}' holds a {type(content).__name__} instead of named tensors")
    strange = [str(name) for name, one in content.items() if not isinstance(one, torch.Tensor)]
    if strange:
        raise ModelError(f"'{file}' holds {min(strange)}, which is no tensor")
    return content


def within(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors under `prefix`, named from there."""
    found = ((name, t) for name, t in tensors.items() if name.startswith(prefix))
    return {name.removeprefix(prefix): tensor for name, tensor in found}


def filled(module: nn.Module, tensors: Tensors, source: Path, part: str, dtype: torch.dtype) -> Any:
    """`module`, best made on the meta device, with the tensors as its own, in evaluation mode.

    Raises ModelError unless module and tensors agree on every name and shape.
    """
    expected = module.state_dict()
    check_names(set(expected), set(tensors), source, part)
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise ModelError(
                f"'{source}': {part} has {name} of shape {tuple(tensor.shape)}, not "
                f"{tuple(expected[name].shape)}"
            )
    cast = {n: t.to(dtype) if t.is_floating_point() else t for n, t in tensors.items()}
    module.load_state_dict(cast, assign=True)
    return module.eval().requires_grad_(False)


def check_report(
    report: Mapping[str, Iterable[Any]], source: Path, kind: str, unread: Callable[[str], bool]
) -> None:
    """Raise ModelError unless transformers found exactly the tensors of a `kind` of model.

    `report` is its loading information; `unread` names tensors that the model has no use for.
    """
    extra = [str(key) for key in report["unexpected_keys"] if not unread(str(key))]
    missing = [str(key) for key in report["missing_keys"]]
    # transformers tells a name, or a name with the two shapes.
    astray = report["mismatched_keys"]
    misshapen = [key if isinstance(key, str) else str(key[0]) for key in astray]
    if missing or extra or misshapen:
        raise ModelError(
            f"'{source}' is not a complete {kind}: {len(missing)} weights missing, {len(extra)} "
            f"unexpected, {len(misshapen)} of another shape, such as "
            f"{min((*missing, *extra, *misshapen))}"
        )


def check_names(expected: set[str], found: set[str], source: Path, part: str) -> None:
    """Raise ModelError unless both hold the same names."""
    missing, extra = sorted(expected - found), sorted(found - expected)
    if missing or extra:
        raise ModelError(
            f"'{source}' is not complete in {part}: {len(missing)} weights missing, "
            f"{len(extra)} unexpected, such as {(missing or extra)[0]}"
        )
