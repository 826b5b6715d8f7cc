"""What servers send, read for what it says and no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.errors import ModelError
from mma_eval.models.openai.options import agreed, read_option
from mma_eval.models.openai.protocol import (
    ChatReply,
    Usage,
    read_chat,
    read_models,
    token_counts,
)
from mma_eval.models.openai.tokenizer import ServerTokenizer
from mma_eval.models.remote.wire import retry_after
from mma_eval.types import Evidence, TokenCounts


def usage(prompt: int, details: dict[str, Any] | None) -> Usage:
    return Usage.model_validate({"prompt_tokens": prompt, "prompt_tokens_details": details})


@pytest.mark.parametrize(
    ("details", "counts"),
    [
        ({"video_tokens": 60, "audio_tokens": 25}, (15, 60, 25)),
        ({"video_tokens": 60, "cached_tokens": 0}, (40, 60, 0)),
        ({"multimodal_tokens": {"video": 60, "audio": 25}}, (15, 60, 25)),
        ({"multimodal_tokens": {"video": 60}}, (40, 60, 0)),
        ({"audio_tokens": 25}, (None, None, 25)),
        ({"video_tokens": 90, "audio_tokens": 25}, (None, 90, 25)),
    ],
    ids=[
        "both",
        "no sound",
        "one table",
        "one table, no sound",
        "sound alone",
        "more than the whole prompt",
    ],
)
def test_tokens_are_those_that_the_server_tells(
    details: dict[str, Any], counts: tuple[int | None, int | None, int | None]
) -> None:
    told = token_counts(usage(100, details), canary_passed=True)
    assert told == TokenCounts(*counts, Evidence.REPORTED)


@pytest.mark.parametrize(
    "details", [None, {}, {"cached_tokens": 64}, {"audio_tokens": 0}, {"audio_tokens": None}]
)
def test_a_total_tells_of_no_modality(details: dict[str, Any] | None) -> None:
    told = usage(100, details)
    nothing = TokenCounts(None, None, None, Evidence.CANARY)
    assert token_counts(told, canary_passed=True) == nothing
    assert token_counts(told, canary_passed=False) is None


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x)))
def test_whatever_is_not_a_reply_is_said_to_be_none(content: bytes | str) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(ModelError, match="reply is not a chat completion"):
        read_chat(raw)
    with pytest.raises(ModelError, match="reply is not a list of models"):
        read_models(raw)


def test_a_fault_is_named_without_the_reply() -> None:
    reply = {"choices": [{"message": {"content": ["a secret"]}}]}
    with pytest.raises(ModelError, match=r"at 'choices\.0\.message\.content'") as caught:
        read_chat(json.dumps(reply).encode())
    assert "secret" not in str(caught.value)


def test_a_reply_without_text_is_no_answer() -> None:
    def reply(finish: str) -> ChatReply:
        choice = {"message": {"content": None}, "finish_reason": finish}
        return ChatReply.model_validate({"choices": [choice]})

    with pytest.raises(ModelError, match="holds no text"):
        _ = reply("stop").text
    assert reply("length").text == "", "all tokens went into reasoning"


def test_delays_are_seconds_or_a_date() -> None:
    assert retry_after({"retry-after": "120"}) == 120.0
    assert retry_after({"retry-after": "0.5"}) == 0.5
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    delay = retry_after({"retry-after": later})
    assert delay is not None
    assert 3600 < delay <= 7200
    past = format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)
    assert retry_after({"retry-after": past}) == 0.0


@given(st.text())
def test_no_delay_breaks_the_client(value: str) -> None:
    delay = retry_after({"retry-after": value})
    assert delay is None or delay >= 0.0


def scored(tokens: list[tuple[str, float]]) -> ChatReply:
    told = [{str(place): {"logprob": p, "decoded_token": t}} for place, (t, p) in enumerate(tokens)]
    return ChatReply.model_validate(
        {"choices": [{"message": {"content": "x"}}], "prompt_logprobs": [None, *told]}
    )


def test_an_option_that_begins_another_ends_before_it() -> None:
    before = [("<media>", -1.0), ("\n", -1.0)]
    long = [("Dog", -0.5), (" bark", -2.0), ("ing", -0.1), ("<end>", -0.3), ("\n", -1.0)]
    short = [("Dog", -0.5), ("<end>", -1.5), ("\n", -1.0)]

    options = [
        read_option(scored(before + long), "Dog barking", 3),
        read_option(scored(before + short), "Dog", 3),
    ]

    barking, dog = agreed(options)
    assert barking.log_likelihood == pytest.approx(-2.9)
    assert dog.log_likelihood == pytest.approx(-2.0)
    assert (barking.tokens, dog.tokens) == (4, 2)


@pytest.mark.parametrize(
    "tokens",
    [
        [("\n", -1.0), ("Dog", -0.5)],
        [("\n", -1.0), ("Cat", -0.5), ("<end>", -0.5)],
        [("\n", -1.0), ("Dog barking", -0.5), ("<end>", -0.5)],
        [("Dog", -1.0), ("<end>", -0.5)],
    ],
    ids=["not closed", "another option", "a longer one", "another place"],
)
def test_other_tokens_are_no_option(tokens: list[tuple[str, float]]) -> None:
    with pytest.raises(ModelError, match="where the option 'Dog' should stand"):
        read_option(scored(tokens), "Dog", 2)


def two_bytes_a_token(path: str, body: dict[str, Any]) -> bytes:
    """A tokenizer that cuts through characters, as those of real models do."""
    if path == "/tokenize":
        content = body["prompt"].encode()
        pairs = [content[at : at + 2] for at in range(0, len(content), 2)]
        return json.dumps({"tokens": [int.from_bytes(b"\1" + pair) for pair in pairs]}).encode()
    whole = b"".join(token.to_bytes((token.bit_length() + 7) // 8)[1:] for token in body["tokens"])
    return json.dumps({"prompt": whole.decode(errors="replace")}).encode()


@given(st.text(max_size=20), st.integers(0, 12))
def test_text_is_never_cut_through_a_character(text: str, tokens: int) -> None:
    tokenizer = ServerTokenizer("m", two_bytes_a_token)
    head = tokenizer.cut(text, tokens)
    assert text.startswith(head)
    assert tokenizer.count(head) <= tokens


def test_the_longest_head_is_kept() -> None:
    tokenizer = ServerTokenizer("m", two_bytes_a_token)
    assert tokenizer.cut("abcdefg", 2) == "abcd"
    assert tokenizer.cut("abcdefg", 4) == "abcdefg"
    assert tokenizer.cut("ab\N{SNOWMAN}cd", 2) == "ab", "the snowman has three bytes"
