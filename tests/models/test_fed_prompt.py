"""A whole prompt, open to be looked into and tuned on, is what the shared prefix answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.fed_prompt import FedPrompt, Span, spans
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.models.local.model import LocalModel
from mma_eval.types import Evidence, Generate, Group, Question
from tests.models.pandagpt_checkpoint import arguments as pandagpt_arguments

Make = Callable[[Path], LocalModel]


def made(card: str, **arguments: Any) -> LocalModel:
    model = create_model(CardCatalogue().get(card), arguments)
    assert isinstance(model, LocalModel)
    return model


def tiny_omni(_: Path) -> LocalModel:
    return made("tiny-omni", max_frames=4)


def videollama2(shared: Path) -> LocalModel:
    folder = shared / "golden" / "vl2"
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    return made(
        "videollama2.1-7b-av",
        pretrained=str(folder / "ckpt"),
        vision_tower=str(folder / sizes["vision_tower"]),
        beats_max_distance=sizes["beats"]["max_distance"],
        device="cpu",
    )


def pandagpt(shared: Path) -> LocalModel:
    return made("pandagpt-13b", **pandagpt_arguments(shared))


def chatbridge(shared: Path) -> LocalModel:
    file = shared / "golden" / "chatbridge" / "checkpoint.pth"
    return made("chatbridge-13b", pretrained=str(file), device="cpu")


BACKENDS = (tiny_omni, videollama2, pandagpt, chatbridge)


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda make: make.__name__)
def answerer(request: pytest.FixtureRequest) -> GroupAnswerer[Any]:
    make: Make = request.param
    shared = Path() if make is tiny_omni else request.getfixturevalue("shared_folder")
    return make(shared).answerer


@pytest.fixture(scope="module")
def clip(manifest: Path) -> Clip:
    return Clip(manifest.parent / "clip1.mp4")


def asked(media: Media) -> Group:
    return Group(media, "Look. ", (Question("q", "Look. ", "What is it? Bird, Cat", Generate(4)),))


def fed_logits(answerer: GroupAnswerer[Any], fed: FedPrompt) -> torch.Tensor:
    """`[vocabulary]` of the token after the prompt."""
    hidden = answerer.engine.decoder(**fed.inputs, use_cache=False).last_hidden_state
    logits: torch.Tensor = answerer.engine.head(hidden[0, -1])
    return logits


def test_it_continues_as_the_shared_prefix_does(answerer: GroupAnswerer[Any], clip: Clip) -> None:
    for media in (
        Media(VideoFile(clip), AudioFile(clip)),
        Media(VideoFile(clip), NoAudio()),
        Media(NoVideo(), AudioFile(clip)),
        Media(NoVideo(), NoAudio()),
    ):
        prepared = answerer.prepare(asked(media))
        (prompt,) = prepared.prompts
        with torch.inference_mode():
            shared = answerer.engine.ask(answerer.prefill(prepared), [prompt.suffix]).logits[0]
            whole = fed_logits(answerer, answerer.fed(prepared, prompt))
        assert float((shared - whole).abs().max()) < 1e-4


def test_every_token_is_text_or_of_a_stream(answerer: GroupAnswerer[Any], clip: Clip) -> None:
    prepared = answerer.prepare(asked(Media(VideoFile(clip), AudioFile(clip))))
    (prompt,) = prepared.prompts
    fed = answerer.fed(prepared, prompt)
    assert fed.positions.shape[-1] == fed.embeddings.shape[1]
    assert [span.start for span in fed.spans[1:]] == [span.stop for span in fed.spans[:-1]]
    assert fed.spans[-1].stop == fed.embeddings.shape[1]
    assert fed.places("text").sum() == prompt.tokens.text
    if prompt.tokens.evidence is Evidence.JOINT:
        assert fed.places("joint").sum() == 1
    else:
        assert fed.places("video").sum() == prompt.tokens.video
        assert fed.places("audio").sum() == prompt.tokens.audio


def test_attention_falls_on_its_tokens(answerer: GroupAnswerer[Any], clip: Clip) -> None:
    prepared = answerer.prepare(asked(Media(VideoFile(clip), AudioFile(clip))))
    fed = answerer.fed(prepared, prepared.prompts[0])
    decoder = answerer.engine.decoder
    kernel = decoder.config._attn_implementation
    decoder.set_attn_implementation("eager")
    with torch.inference_mode():
        made = decoder(**fed.inputs, use_cache=False, output_attentions=True)
    decoder.set_attn_implementation(kernel)
    from_the_end = made.attentions[-1][0, :, -1].mean(0)
    shares = {span.stream: 0.0 for span in fed.spans}
    for stream in shares:
        shares[stream] = float(from_the_end[fed.places(stream)].sum())
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
    assert all(share > 0 for share in shares.values())


def test_gradients_reach_the_language_model(answerer: GroupAnswerer[Any], clip: Clip) -> None:
    prepared = answerer.prepare(asked(Media(VideoFile(clip), AudioFile(clip))))
    fed = answerer.fed(prepared, prepared.prompts[0])
    weight = answerer.engine.decoder.norm.weight
    assert any(weight is one for one in answerer.language.parameters())
    wanted = weight.requires_grad
    weight.requires_grad_(True)
    fed_logits(answerer, fed).logsumexp(0).backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None and bool(weight.grad.abs().any())
    weight.grad = None
    weight.requires_grad_(wanted)


def test_neighbours_of_one_stream_are_one_span() -> None:
    made = spans((("text", 2), ("text", 1), ("video", 0), ("audio", 3), ("text", 1)))
    assert made == (Span("text", 0, 3), Span("audio", 3, 6), Span("text", 6, 7))
