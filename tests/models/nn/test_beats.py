"""BEATs' own rules, apart from any checkpoint."""

from __future__ import annotations

import torch

from mma_eval.models.nn.beats import (
    Beats,
    BeatsSizes,
    PositionalConvolution,
    encoder_tensors,
    relative_buckets,
)

SIZES = BeatsSizes(
    embed_dim=8,
    encoder_layers=2,
    encoder_embed_dim=16,
    encoder_ffn_embed_dim=24,
    encoder_attention_heads=4,
    conv_pos=6,
    conv_pos_groups=2,
    num_buckets=8,
    max_distance=20,
)


def test_buckets_are_those_of_t5() -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = torch.arange(-40, 41)
    expected = T5Attention._relative_position_bucket(distances, True, 32, 80)
    assert torch.equal(relative_buckets(distances, 32, 80), expected)


def test_sizes_are_read_from_the_tensors() -> None:
    tensors = Beats(SIZES).state_dict()
    assert BeatsSizes.of(tensors, max_distance=20, weight_norm_epsilon=0.0) == SIZES


def test_one_token_for_each_whole_patch() -> None:
    with torch.inference_mode():
        assert Beats(SIZES)(torch.zeros(2, 47, 64)).shape == (2, 2 * 4, 16)


def test_a_position_bias_named_after_another_layer_is_found() -> None:
    name = "encoder.layers.{}.self_attn.relative_attention_bias.weight"
    tensors = Beats(SIZES).state_dict()
    moved = {key: value for key, value in tensors.items() if key != name.format(0)}
    moved |= {name.format(1): tensors[name.format(0)], "predictor.weight": torch.zeros(3, 16)}
    found = encoder_tensors(moved)
    assert set(found) == set(tensors)
    assert torch.equal(found[name.format(0)], tensors[name.format(0)])


def test_the_weight_norm_is_that_of_torch() -> None:
    convolution = PositionalConvolution(SIZES)
    convolution.weight_g.data *= 2
    reference = torch.nn.utils.parametrizations.weight_norm(
        torch.nn.Conv1d(16, 16, 6, padding=3, groups=2), dim=2
    )
    reference.load_state_dict(
        {
            "bias": convolution.bias,
            "parametrizations.weight.original0": convolution.weight_g,
            "parametrizations.weight.original1": convolution.weight_v,
        }
    )
    sound = torch.randn(1, 16, 9, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(convolution(sound), reference(sound)[..., :9], atol=1e-5)
