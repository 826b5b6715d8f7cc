"""What a LoRA on q and v does to tiny-omni: its scores before and after, side by side.

    python benchmarks/specimen_lora.py --adapter FOLDER [--steps 200] [--seed 11] [--count 300]

Tunes rank-8 adapters on the text model's q and v on clips of which half have another class's sound,
both questions answered truthfully, saves them as a PEFT adapter, and evaluates base and adapter
with the tool itself on a demo set that no training and no choice has used.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from mma_eval import evaluate
from mma_eval.eval.scorecard import RunScores
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.train.specimen.batches import Packer, answer_loss
from mma_eval.train.specimen.pool import build_pool
from mma_eval.train.specimen.scenes import draw_scenes
from mma_eval.train.specimen.schedule import Diet, Stage

TARGETS = r"model\.(language_model\.)?layers\.\d+\.self_attn\.(q_proj|v_proj)"
TASKS = "aligned,misalign"
POOL_SEED, POOL_CLIPS = 1, 800


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started = time.process_time()
    trainable = tune(arguments.adapter, arguments.steps)
    print(f"{trainable:,} weights tuned in {time.process_time() - started:.0f} CPU seconds")
    dataset = f"demo:seed={arguments.seed},count={arguments.count}"
    before = _scores(dataset, None, arguments.output_path)
    after = _scores(dataset, arguments.adapter, arguments.output_path)
    print(f"{dataset:28s}{'base':>8s}{'adapter':>9s}{'points':>8s}")
    for one, other in zip(before.tasks, after.tasks, strict=True):
        assert one.accuracy is not None
        assert other.accuracy is not None
        low, high = 100 * one.accuracy.rate, 100 * other.accuracy.rate
        print(f"{one.task:28s}{low:8.1f}{high:9.1f}{high - low:+8.1f}")


def tune(folder: Path, steps: int) -> int:
    """Train the adapter and save it in `folder`; the number of weights that were tuned."""
    from peft import LoraConfig, get_peft_model
    from transformers import get_cosine_schedule_with_warmup

    model = cast("QwenOmni", create_model(CardCatalogue().get("tiny-omni")))
    thinker = model.answerer.thinker.model
    packer = Packer(_tokenizer(model), thinker.config)
    tuned: Any = get_peft_model(thinker, LoraConfig(r=8, lora_alpha=16, target_modules=TARGETS))
    weights = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=5e-3, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 10, steps)
    stage = Stage("lora", steps, 5e-3, Diet(conflict=0.5), batch=16, questions=2)
    pool = build_pool(seed=POOL_SEED, count=POOL_CLIPS)
    for step in range(steps):
        scenes = draw_scenes(pool, stage, np.random.default_rng([0, step]))
        loss = answer_loss(thinker, packer, scenes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
    tuned.save_pretrained(str(folder))
    return sum(parameter.numel() for parameter in weights)


def _tokenizer(model: QwenOmni) -> Any:
    from mma_eval.models.local.text_tokenizer import load_tokenizer
    from mma_eval.models.local.weights import local_folder

    folder = local_folder(model.pretrained)
    assert folder is not None
    return load_tokenizer(folder)


def _scores(dataset: str, adapter: Path | None, output_path: Path) -> RunScores:
    run = evaluate("tiny-omni", TASKS, dataset=dataset, adapter=adapter, output_path=output_path)
    assert run.scores is not None
    return run.scores


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--adapter", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11, help="of the demo set that is asked")
    parser.add_argument("--count", type=int, default=300, help="clips in it")
    parser.add_argument("--output-path", type=Path, default=Path("results"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
