"""The small PandaGPT among the reference material, and the backend on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mma_eval.models.local.placing import Placing
from mma_eval.models.nn.imagebind_input import ImageBindInput
from mma_eval.models.pandagpt.family import PandaGPTFamily, load_family
from mma_eval.models.pandagpt.parts import PartNames, find_parts

NAMES = PartNames("imagebind_tiny.pth", "vicuna", "delta/pytorch_model.pt")


def arguments(shared: Path) -> dict[str, Any]:
    """What `--model-args` says to load it."""
    return {
        "pretrained": str(shared / "golden" / "panda"),
        "imagebind": NAMES.imagebind,
        "device": "cpu",
    }


def golden_family(shared: Path) -> PandaGPTFamily:
    parts = find_parts(shared / "golden" / "panda", NAMES)
    return load_family(parts, ImageBindInput(), Placing("cpu", "fp32", "sdpa", prefill_chunk=1024))
