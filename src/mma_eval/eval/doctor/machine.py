"""The parts of a machine that may move an answer: processor, GPU, driver, kernels, decoders."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mma_eval.media.readers import choose_decoder, decoder_version

SECONDS_FOR_THE_DRIVER = 10


def describe_machine(clips: Iterable[Path]) -> dict[str, str]:
    """Facts by name, of what this process sees; `clips` are the files that were shown."""
    import torch

    facts = {
        "architecture": platform.machine(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "picture decoder": ", ".join(sorted({decoder_version(choose_decoder(p)) for p in clips})),
        "sound decoder": decoder_version("pyav"),
        "libavcodec": _libavcodec(),
        "GPU": "none",
    }
    if torch.cuda.is_available():
        driver = _driver()
        facts |= {
            "GPU": torch.cuda.get_device_name(),
            "GPU memory": f"{torch.cuda.get_device_properties(0).total_memory / 2**30:.0f} GiB",
            "CUDA": str(torch.version.cuda or torch.version.hip),
            "cuDNN": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
            "TF32": str(torch.backends.cuda.matmul.allow_tf32),
            **({} if driver is None else {"driver": driver}),
        }
    return facts


def _libavcodec() -> str:
    import av

    return ".".join(map(str, av.library_versions["libavcodec"]))


def _driver() -> str | None:
    """The GPU driver's version, where NVIDIA's tool is there to tell it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_FOR_THE_DRIVER,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.split()
    return said[0] if done.returncode == 0 and said else None
