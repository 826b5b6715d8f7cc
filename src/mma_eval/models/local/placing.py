"""Where a model's weights go and how it computes, and the sentence where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models.local.checkpoint_tensors import DTYPES
from mma_eval.models.local.json_file import reason
from mma_eval.models.local.text_tokenizer import quiet_transformers


@dataclass(frozen=True)
class Placing:
    """How a model is brought into memory; `dtype` is one of `DTYPES`."""

    device: str
    dtype: str
    attention: str
    """Kernel, under transformers' name."""
    prefill_chunk: int
    """Question tokens that go through the model at once."""

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    @property
    def torch_dtype(self) -> torch.dtype:
        return DTYPES[self.dtype]

    @property
    def device_map(self) -> dict[str, str] | None:
        """For `from_pretrained`, so that weights go to a GPU without a copy in main memory."""
        return None if self.device == "cpu" else {"": self.device}


@contextmanager
def loading(source: Path, kind: str, placing: Placing) -> Iterator[None]:
    """Turn what transformers raises while it loads a `kind` of model into one sentence.

    Raises ModelError, or PrerequisiteError for a kernel that is not installed.
    """
    from safetensors import SafetensorError

    unreadable = (OSError, ValueError, KeyError, RuntimeError, EOFError)
    try:
        with quiet_transformers():
            yield
    except ImportError as error:
        kernel = placing.attention
        raise PrerequisiteError(f"attention={kernel} cannot be used here: {error}") from error
    except torch.OutOfMemoryError as error:
        raise ModelError(f"not enough memory on {placing.device} for '{source}'") from error
    except (*unreadable, UnpicklingError, SafetensorError) as error:
        raise ModelError(f"cannot load '{source}' as a {kind}: {reason(error)}") from error
