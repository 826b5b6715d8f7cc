"""What the decoder is fed in training: batches are their samples, stored encodings are new ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from mma_eval.errors import UsageError
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.models.local.model import LocalModel
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.task.dataset import open_dataset
from mma_eval.train.collate import UNTAUGHT, Batch, Collator
from mma_eval.train.encoded import StoredFeatures
from mma_eval.train.feed import Prompts, TrainingPrompt, training_prompt
from mma_eval.train.lora import put_adapters, target_pattern
from mma_eval.train.loss import AnswerModel
from mma_eval.train.pairs import TrainingData, training_data
from mma_eval.train.recipe import LoraSettings
from tests.models.conftest import card
from tests.models.qwen3_checkpoint import build_qwen3_checkpoint
from tests.train.small_tuning import small_recipe

Answerer = GroupAnswerer[Any]


def qwen25(folder: Path) -> LocalModel:
    arguments = {"max_frames": 2}
    return cast("LocalModel", create_model(CardCatalogue().get("tiny-omni"), arguments))


def qwen3(folder: Path) -> LocalModel:
    small = {"max_frames": 4, "min_pixels": 4096, "max_pixels": 32 * 32 * 6, "device": "cpu"}
    made = card(build_qwen3_checkpoint(folder), family="qwen3-omni")
    return QwenOmni(made, QwenOmniArguments.model_validate(small))


@pytest.fixture(scope="module", params=[qwen25, qwen3], ids=lambda make: make.__name__)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    made: LocalModel = request.param(tmp_path_factory.mktemp("checkpoint"))
    return made


@pytest.fixture(scope="module")
def patterns(bare: LocalModel) -> dict[str, str]:
    """What is tuned by each setting, or why that is refused."""
    found = {}
    for targets in ("all_linear", ("o_proj",)):
        try:
            found[str(targets)] = target_pattern(bare.answerer, LoraSettings(targets=targets))
        except UsageError as error:
            found[str(targets)] = str(error)
    return found


@pytest.fixture(scope="module")
def model(bare: LocalModel, patterns: dict[str, str]) -> LocalModel:
    """With adapters whose weights are not zero, so that all of them have gradients."""
    settings = LoraSettings(r=4, targets="self_attention")
    put_adapters(bare.answerer, settings, seed=0, base="base", revision=None)
    torch.manual_seed(0)
    for name, weights in bare.answerer.language.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    return bare


@pytest.fixture(scope="module")
def answerer(model: LocalModel) -> Answerer:
    return model.answerer


def test_targets_never_reach_a_tower(answerer: Answerer) -> None:
    decoder = {id(weights) for weights in answerer.engine.decoder.layers.parameters()}
    tuned = [w for w in answerer.language.parameters() if w.requires_grad]
    assert len(tuned) == 8 * len(answerer.engine.decoder.layers)
    assert all(id(weights) in decoder for weights in tuned)


def test_fused_experts_are_not_said_to_be_tuned(
    answerer: Answerer, patterns: dict[str, str]
) -> None:
    fused = "moe" in answerer.language.config.model_type
    assert ("fused tensors" if fused else r"mlp\.down_proj") in patterns["all_linear"]
    assert patterns["('o_proj',)"].endswith(r"layers\.\d+\.(self_attn\.o_proj)")


@pytest.fixture(scope="module")
def data(manifest: Path) -> TrainingData:
    return training_data(open_dataset(str(manifest)), small_recipe(manifest).data, seed=0)


@pytest.fixture(scope="module")
def prompts(answerer: Answerer, data: TrainingData) -> list[TrainingPrompt]:
    """Questions on aligned and swapped clips, with answers of several lengths."""
    return [Prompts(answerer, data.train)[place] for place in (0, 3, 5, 10)]


def test_the_answer_and_its_end_are_taught_and_nothing_else(
    answerer: Answerer, data: TrainingData, prompts: list[TrainingPrompt]
) -> None:
    batch = Collator(answerer.engine.embed)(prompts)
    for row, place in enumerate((0, 3, 5, 10)):
        taught = batch["labels"][row][batch["labels"][row] != UNTAUGHT].tolist()
        assert answerer.read(taught[:-1]) == data.train[place].rendered.target
        assert taught[-1] == answerer.end


def losses_and_gradients(answerer: Answerer, batches: Sequence[Batch]) -> list[torch.Tensor]:
    """The summed loss of some batches, then its gradient by every trained weight."""
    module = AnswerModel(answerer)
    module.zero_grad(set_to_none=True)
    total = torch.zeros(())
    for batch in batches:
        loss = module(**batch)
        loss.backward()
        total = total + loss.detach()
    return [total, *(w.grad.clone() for w in module.parameters() if w.grad is not None)]


def assert_alike(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert len(found) == len(expected) > 1
    for one, other in zip(found, expected, strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_a_batch_is_its_samples(answerer: Answerer, prompts: list[TrainingPrompt]) -> None:
    collate = Collator(answerer.engine.embed)
    lengths = {prompt.fed.embeddings.shape[1] + len(prompt.answer) for prompt in prompts}
    assert len(lengths) > 1, "nothing is padded"
    together = losses_and_gradients(answerer, [collate(prompts)])
    assert_alike(together, losses_and_gradients(answerer, [collate([one]) for one in prompts]))


def test_gradient_checkpointing_changes_nothing(
    answerer: Answerer, prompts: list[TrainingPrompt]
) -> None:
    batch = Collator(answerer.engine.embed)(prompts[:2])
    plain = losses_and_gradients(answerer, [batch])
    module = AnswerModel(answerer)
    module.checkpoint_activations()
    module.train()
    assert module.decoder.layers[0].gradient_checkpointing
    again = losses_and_gradients(answerer, [batch])
    module.eval()
    assert_alike(again, plain)


def test_what_is_stored_teaches_what_is_encoded(
    model: LocalModel, data: TrainingData, tmp_path: Path
) -> None:
    answerer, example = model.answerer, data.train[2]
    collate = Collator(answerer.engine.embed)
    in_memory = answerer.features
    try:
        answerer.features = FeatureCache(0)
        encoded = losses_and_gradients(answerer, [collate([training_prompt(answerer, example)])])
        answerer.features = StoredFeatures(tmp_path, "e", memory_bytes=0, disk_bytes=2**30)
        training_prompt(answerer, example)
        assert len(list(tmp_path.rglob("*.pt"))) == 2, "one file for the picture, one for the sound"
        stored = losses_and_gradients(answerer, [collate([training_prompt(answerer, example)])])
    finally:
        answerer.features = in_memory
    assert all(torch.equal(one, other) for one, other in zip(stored, encoded, strict=True))
