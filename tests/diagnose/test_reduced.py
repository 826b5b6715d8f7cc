"""Attention reduced while the layers run is the attention that a model itself reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mma_eval.diagnose import reduced
from mma_eval.diagnose.layer_calls import LayerCall, at_every_layer
from mma_eval.diagnose.measured import STREAMS, StreamAttention
from mma_eval.diagnose.reduced import (
    attention_to_streams,
    whole_prompt_attention,
)
from mma_eval.errors import ModelError
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, VideoFile
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.models.local.model import LocalModel
from mma_eval.types import Group
from tests.diagnose.opened import opened
from tests.models.qwen3_checkpoint import build_qwen3_checkpoint
from tests.models.test_fed_prompt import chatbridge, made, tiny_omni, videollama2

CLOSE = 1e-5


def qwen3(folder: Path) -> LocalModel:
    build_qwen3_checkpoint(folder)
    return made("qwen3-omni-30b-a3b", pretrained=str(folder), device="cpu", max_frames=4)


@pytest.fixture(
    scope="module",
    params=(tiny_omni, qwen3, videollama2, chatbridge),
    ids=lambda make: make.__name__,
)
def answerer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> GroupAnswerer[Any]:
    make: Callable[[Path], LocalModel] = request.param
    if make in (tiny_omni, qwen3):
        return make(tmp_path_factory.mktemp("checkpoint")).answerer
    return make(request.getfixturevalue("shared_folder")).answerer


@pytest.fixture(scope="module")
def clip(manifest: Path) -> Clip:
    return Clip(manifest.parent / "clip1.mp4")


def with_answer(answerer: GroupAnswerer[Any], fed: FedPrompt, answer: list[int]) -> dict[str, Any]:
    """The decoder's inputs for a prompt and an answer after it."""
    inputs = dict(fed.inputs)
    written = answerer.engine.embed(torch.tensor([answer], dtype=torch.long))
    after = fed.positions.flatten()[-1] + 1 + torch.arange(len(answer))
    after = after.expand(*fed.positions.shape[:-1], -1)
    inputs["inputs_embeds"] = torch.cat((fed.embeddings, written), 1)
    inputs["position_ids"] = torch.cat((fed.positions, after), -1)
    if "visual_pos_masks" in inputs:
        places = inputs["visual_pos_masks"]
        inputs["visual_pos_masks"] = torch.cat((places, places.new_zeros(1, len(answer))), 1)
    return inputs


def whole_matrices(decoder: Any, inputs: dict[str, Any]) -> list[torch.Tensor]:
    """`[H, Q, K]` of every layer, as transformers reports them."""
    kernel = decoder.config._attn_implementation
    decoder.set_attn_implementation("eager")
    with torch.inference_mode():
        found = decoder(**inputs, use_cache=False, output_attentions=True).attentions
    decoder.set_attn_implementation(kernel)
    return [layer[0].double() for layer in found]


def by_stream(matrices: list[torch.Tensor], fed: FedPrompt, rows: range) -> StreamAttention:
    """The reduced numbers from whole matrices; what follows the prompt is text."""
    members = torch.zeros(len(STREAMS), matrices[0].shape[-1], dtype=torch.bool)
    members[0, len(fed.places("text")) :] = True
    for place, stream in enumerate(STREAMS):
        members[place, : len(fed.places(stream))] = fed.places(stream)
    mean = torch.stack([layer[:, rows.start : rows.stop].mean(1) for layer in matrices])
    return StreamAttention(
        torch.stack([mean[..., chosen].sum(-1) for chosen in members], -1).numpy(),
        torch.stack([mean[..., chosen].square().sum(-1) for chosen in members], -1).numpy(),
        members[:, : rows.stop].sum(1).numpy(),
    )


@pytest.mark.parametrize("sound", [True, False], ids=["with sound", "without"])
def test_it_is_what_the_model_reports(
    answerer: GroupAnswerer[Any], clip: Clip, sound: bool
) -> None:
    prepared, prompt, fed = opened(
        answerer, Media(VideoFile(clip), AudioFile(clip) if sound else NoAudio())
    )
    answer = answerer.ids("Bird, Cat")[:3]
    inputs = with_answer(answerer, fed, answer)
    matrices = whole_matrices(answerer.engine.decoder, inputs)
    prefix, end = answerer.prefill(prepared), fed.embeddings.shape[1]
    for rows in (
        range(end - 1, end),
        range(prepared.length, end),
        range(end - 1, end + len(answer)),
    ):
        expected = by_stream(matrices, fed, rows)
        text = (*prompt.suffix, *answer)[: rows.stop - prepared.length]
        for found in (
            attention_to_streams(answerer.engine, prefix, text, fed.spans, rows),
            whole_prompt_attention(answerer.engine.decoder, inputs, fed.spans, rows),
        ):
            np.testing.assert_allclose(found.mass, expected.mass, atol=CLOSE)
            np.testing.assert_allclose(found.squares, expected.squares, atol=CLOSE)
            np.testing.assert_array_equal(found.tokens, expected.tokens)
            np.testing.assert_allclose(found.mass.sum(-1), 1, atol=CLOSE)
            assert (found.mass[..., 1] > 0).all()
            assert (found.mass[..., 2] > 0).all() == (found.tokens[2] > 0)


def test_rows_are_taken_in_parts(
    answerer: GroupAnswerer[Any], clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the parts of rows nor those of a question that is fed in several change a number."""
    prepared, prompt, fed = opened(answerer, Media(VideoFile(clip), AudioFile(clip)))
    prefix = answerer.prefill(prepared)
    rows = range(prepared.length, fed.embeddings.shape[1])
    asked = (prefix, prompt.suffix, fed.spans, rows)
    whole = attention_to_streams(answerer.engine, *asked)
    monkeypatch.setattr(reduced, "ROWS_AT_ONCE_BYTES", 1)
    parted = attention_to_streams(replace(answerer.engine, chunk=7), *asked)
    np.testing.assert_allclose(whole.mass, parted.mass, atol=CLOSE)
    np.testing.assert_allclose(whole.squares, parted.squares, atol=CLOSE)


def test_a_decoder_is_left_as_it_was(answerer: GroupAnswerer[Any], clip: Clip) -> None:
    _, _, fed = opened(answerer, Media(VideoFile(clip), AudioFile(clip)))
    decoder, seen = answerer.engine.decoder, []

    def note(call: LayerCall) -> torch.Tensor | None:
        seen.append(call.layer)
        return call.mask

    with torch.inference_mode():
        before = decoder(**fed.inputs, use_cache=False).last_hidden_state
        with at_every_layer(decoder, note):
            during = decoder(**fed.inputs, use_cache=False).last_hidden_state
            answerer.prepare(Group(Media(VideoFile(clip), NoAudio()), "", ()))
        after = decoder(**fed.inputs, use_cache=False).last_hidden_state
    assert torch.equal(before, during) and torch.equal(before, after)
    assert seen == list(range(len(decoder.layers)))
    with pytest.raises(ModelError, match="cannot be looked into"), at_every_layer(decoder, note):
        pass
