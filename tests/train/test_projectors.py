"""VideoLLaMA2 is tuned on its language model and on what carries picture and sound into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mma_eval.errors import UsageError
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.model import LocalModel
from mma_eval.task.dataset import open_dataset
from mma_eval.train.collate import Collator
from mma_eval.train.feed import training_prompt
from mma_eval.train.lora import put_adapters
from mma_eval.train.loss import AnswerModel
from mma_eval.train.pairs import training_data
from mma_eval.train.projectors import project_late
from mma_eval.train.recipe import LoraSettings
from mma_eval.train.tune import Tuned, tune
from tests.train.small_tuning import small_recipe

CARD = "videollama2.1-7b-av"
PROJECTORS = {
    "model.mm_projector.readout.0",
    "model.mm_projector.readout.2",
    "model.mm_projector_a.0",
    "model.mm_projector_a.2",
}


@pytest.fixture(scope="module")
def arguments(shared_folder: Path) -> dict[str, Any]:
    folder = shared_folder / "golden" / "vl2"
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    return {
        "pretrained": str(folder / "ckpt"),
        "vision_tower": str(folder / sizes["vision_tower"]),
        "beats_max_distance": sizes["beats"]["max_distance"],
        "device": "cpu",
        "frames": 4,
    }


def small_model(arguments: dict[str, Any], **more: Any) -> LocalModel:
    model = create_model(CardCatalogue().get(CARD), {**arguments, **more})
    assert isinstance(model, LocalModel)
    return model


@pytest.fixture(scope="module")
def tuned(
    manifest: Path, arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Tuned:
    recipe = small_recipe(
        manifest,
        base=CARD,
        model_args=arguments,
        lora={"targets": "self_attention", "projectors": True},
        training={"max_steps": 2, "batch_size": 2, "accumulation": 1, "validation_samples": 2}
        | {"gradient_checkpointing": True},
    )
    return tune(recipe, tmp_path_factory.mktemp("vl2") / "adapter")


def test_the_adapter_is_one_of_published_names(tuned: Tuned) -> None:
    tensors = load_file(tuned.folder / "adapter_model.safetensors")
    modules = {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in tensors}
    assert modules >= PROJECTORS
    rest = modules - PROJECTORS
    assert {name.rpartition(".")[2] for name in rest} == {"q_proj", "k_proj", "v_proj", "o_proj"}
    assert all(name.startswith("model.layers.") for name in rest)
    for module in PROJECTORS:
        learned = tensors[f"base_model.model.{module}.lora_B.weight"]
        assert float(learned.abs().max()) > 0, f"{module} was not trained"


def test_what_is_projected_in_the_step_is_what_is_asked(
    manifest: Path, arguments: dict[str, Any]
) -> None:
    model = small_model(arguments)
    answerer = model.answerer
    answerer.features = FeatureCache(2**30)
    settings = LoraSettings(r=4, targets="self_attention", projectors=True)
    late = project_late(answerer)
    put_adapters(answerer, settings, seed=0, base="base", revision=None)
    for name, weights in answerer.language.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    data = training_data(open_dataset(str(manifest)), small_recipe(manifest).data, seed=0)
    collate = Collator(answerer.engine.embed)
    examples = [data.train[place] for place in (0, 3)]
    kept = collate([training_prompt(answerer, example) for example in examples])
    anew = collate([training_prompt(answerer, example, late) for example in examples])
    module = AnswerModel(answerer, late)
    module.zero_grad()
    loss = module(**anew)
    torch.testing.assert_close(loss, module(**kept), rtol=1e-5, atol=1e-5)
    loss.backward()
    for name, weights in module.named_parameters():
        if "mm_projector" in name and weights.requires_grad:
            assert weights.grad is not None and float(weights.grad.abs().max()) > 0, name


def test_the_evaluation_reads_the_adapter(
    tuned: Tuned, manifest: Path, arguments: dict[str, Any]
) -> None:
    data = training_data(open_dataset(str(manifest)), small_recipe(manifest).data, seed=0)
    fed = {}
    for name, adapter in (("base", None), ("tuned", tuned.folder)):
        model = small_model(arguments, adapter=adapter)
        fed[name] = training_prompt(model.answerer, data.train[0]).fed
    (video,) = (span for span in fed["base"].spans if span.stream == "video")
    before, after = (one.embeddings[0, video.start : video.stop] for one in fed.values())
    assert float((before - after).abs().max()) > 0
    assert torch.equal(
        fed["base"].embeddings[0, : video.start], fed["tuned"].embeddings[0, : video.start]
    )


def test_other_models_have_no_projectors(manifest: Path, tmp_path: Path) -> None:
    recipe = small_recipe(manifest, lora={"projectors": True})
    with pytest.raises(UsageError, match="no projectors of its own"):
        tune(recipe, tmp_path / "adapter")
