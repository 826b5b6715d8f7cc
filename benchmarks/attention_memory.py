"""Memory and time of reduced attention beside that of whole attention matrices.

    python benchmarks/attention_memory.py [--size mid|tiny|published] [--tokens 4000]

Three sides, each in a process of its own, on one random Qwen2.5-Omni decoder and the same random
prompt: `full` asks transformers for every layer's matrices (`output_attentions`, which needs the
eager kernel) and reduces them afterwards, `reduced` is what `mma_eval.diagnose` does, `plain` is
the forward alone with nothing measured. What is compared is the peak that the forward adds to what
the loaded model takes, and the attention itself, which must be the same. On a GPU (--device cuda)
memory is what torch's allocator gave out at most; both precisions follow the device.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.random_thinker import FAMILIES, make
from mma_eval.diagnose.measured import STREAMS
from mma_eval.diagnose.reduced import whole_prompt_attention
from mma_eval.models.local.fed_prompt import Span

SIDES = ("plain", "full", "reduced")
MB = 2**20


def main() -> None:
    arguments = _arguments()
    if arguments.side is not None:
        torch.set_num_threads(1)
        made = measured_side(arguments.side, arguments.size, arguments.tokens, arguments.device)
        print(json.dumps(made))
        return
    found = {side: _apart(arguments, side) for side in SIDES}
    shape = found["reduced"]
    print(f"{shape['layers']} layers, {shape['heads']} heads, {arguments.tokens} tokens")
    print(f"{'':10s}{'added peak, MB':>16s}{'seconds':>10s}")
    for side, one in found.items():
        print(f"{side:10s}{one['peak'] / MB:16.0f}{one['seconds']:10.1f}")
    for side in ("full", "reduced"):
        added = found[side]["peak"] / found["plain"]["peak"]
        slower = found[side]["seconds"] / found["plain"]["seconds"]
        print(f"{side} / plain: {added:.2f}x the memory, {slower:.2f}x the time")
    saved = found["full"]["peak"] / found["reduced"]["peak"]
    faster = found["full"]["seconds"] / found["reduced"]["seconds"]
    print(f"full / reduced: {saved:.1f}x the memory, {faster:.1f}x the time")
    apart = np.abs(np.array(found["full"]["mass"]) - np.array(found["reduced"]["mass"])).max()
    print(f"largest difference of attention by stream: {apart:.1e}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    sizes = FAMILIES["qwen2.5"].shapes
    parser.add_argument("--size", choices=sizes, default="mid", help="of the random checkpoint")
    parser.add_argument("--tokens", type=int, default=4000, help="of the prompt")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--side", choices=SIDES, help="one side alone, as JSON")
    return parser.parse_args()


def _apart(arguments: argparse.Namespace, side: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side]
    for name in ("size", "tokens", "device"):
        command += [f"--{name}", str(getattr(arguments, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def measured_side(side: str, size: str, tokens: int, device: str) -> dict[str, Any]:
    """Bytes and seconds that one side's forward takes, and the attention that it gives."""
    with tempfile.TemporaryDirectory() as scratch:
        made = make(FAMILIES["qwen2.5"], size, Path(scratch), {"device": device})
    decoder = made.model.answerer.engine.decoder
    if side == "full":
        decoder.set_attn_implementation("eager")
    _forward(side, decoder, *_prompt(decoder, 16), range(15, 16))
    inputs, spans = _prompt(decoder, tokens)
    before = _reset(device)
    started = time.perf_counter()
    mass = _forward(side, decoder, inputs, spans, range(tokens - 1, tokens))
    seconds = time.perf_counter() - started
    return {
        "peak": _peak(device) - before,
        "seconds": seconds,
        "layers": len(decoder.layers),
        "heads": decoder.config.num_attention_heads,
        "mass": None if mass is None else mass.tolist(),
    }


def _prompt(decoder: Any, tokens: int) -> tuple[dict[str, Any], tuple[Span, ...]]:
    """Random embeddings, nine tenths of them of media in turn."""
    torch.manual_seed(0)
    weight = decoder.embed_tokens.weight
    embeddings = torch.randn(1, tokens, weight.shape[1]).to(weight) * weight.std()
    positions = torch.arange(tokens, device=weight.device).expand(3, 1, -1)
    edges = [0, tokens // 20, tokens // 2, tokens - tokens // 20, tokens]
    streams = (STREAMS[0], STREAMS[1], STREAMS[2], STREAMS[0])
    spans = tuple(
        Span(stream, start, stop)
        for stream, start, stop in zip(streams, edges[:-1], edges[1:], strict=True)
    )
    return {"inputs_embeds": embeddings, "position_ids": positions}, spans


def _forward(
    side: str, decoder: Any, inputs: dict[str, Any], spans: tuple[Span, ...], rows: range
) -> Any:
    """Attention by stream `[L, H, 3]`, None where nothing is measured."""
    if side == "reduced":
        return whole_prompt_attention(decoder, inputs, spans, rows).mass
    with torch.inference_mode():
        made = decoder(**inputs, use_cache=False, output_attentions=side == "full")
        if side == "plain":
            made.last_hidden_state.sum().item()
            return None
        last = torch.stack([layer[0, :, rows.start].double().cpu() for layer in made.attentions])
    shares = [
        sum(last[..., s.start : s.stop].sum(-1) for s in spans if s.stream == stream)
        for stream in STREAMS
    ]
    return np.stack(shares, -1)


def _reset(device: str) -> int:
    """Bytes in use before the forward."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    return int(import_module("psutil").Process().memory_info().rss)


def _peak(device: str) -> int:
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
