"""Low-rank additions, against PEFT and against adding them into the weights."""

from __future__ import annotations

import pytest
import torch

from mma_eval.errors import ModelError
from mma_eval.models.nn.low_rank import add_low_rank

RANK, INPUTS, OUTPUTS = 2, 6, 4


def halves(layer: str, inputs: int = INPUTS) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        f"{layer}.lora_A.default.weight": torch.randn(RANK, inputs, generator=draw),
        f"{layer}.lora_B.default.weight": torch.randn(OUTPUTS, RANK, generator=draw),
    }


def model() -> torch.nn.Sequential:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(INPUTS, OUTPUTS), torch.nn.ReLU())


@torch.no_grad()
@pytest.mark.parametrize(("alpha", "scale"), [(None, 1.0), (RANK, 1.0), (8, 8 / RANK)])
def test_same_as_adding_into_the_weights(alpha: float | None, scale: float) -> None:
    beside, within = model(), model()
    tensors = halves("0")
    add_low_rank(beside, tensors, alpha)
    down, up = tensors.values()
    within.get_parameter("0.weight").add_(scale * up @ down)
    values = torch.linspace(-1, 1, INPUTS)[None]
    torch.testing.assert_close(beside(values), within(values))


@torch.no_grad()
def test_an_addition_below_a_step_of_the_weights_survives_16_bits() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(INPUTS, OUTPUTS, bias=False)).bfloat16()
    weight = layers.get_parameter("0.weight").fill_(1.0)
    down, up = torch.eye(1, INPUTS), torch.full((OUTPUTS, 1), 2**-10)
    assert torch.equal(weight + (up @ down).bfloat16(), weight)
    # The weights alone make nothing of these values.
    values = torch.tensor([[1.0, -1.0] * (INPUTS // 2)], dtype=torch.bfloat16)
    add_low_rank(
        layers, {"0.lora_A.default.weight": down, "0.lora_B.default.weight": up}, alpha=None
    )
    assert layers(values).tolist() == [[2**-10] * OUTPUTS]


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (("0.lora_A.default.weight",), "only half"),
        (("0.lora_A.default.weight", "0.bias"), "not one of LoRA's"),
    ],
)
def test_what_is_not_whole_is_refused(names: tuple[str, ...], fault: str) -> None:
    tensors = {name: torch.zeros(RANK, INPUTS) for name in names}
    with pytest.raises(ModelError, match=fault):
        add_low_rank(model(), tensors, alpha=None)


@pytest.mark.parametrize(
    ("layer", "inputs", "fault"), [("0", 5, "another size"), ("1", 6, "not have"), ("7", 6, "have")]
)
def test_what_was_made_for_another_model_is_refused(layer: str, inputs: int, fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        add_low_rank(model(), halves(layer, inputs), alpha=None)
