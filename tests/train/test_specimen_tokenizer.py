"""The specimen's tokenizer: any text, and one token for each class wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma_eval.demo.clips import CLASSES
from mma_eval.train.specimen.tokenizer import SPECIAL_TOKENS, build_tokenizer, token_ids


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_one_token_in_every_place(tokenizer: Any, name: str) -> None:
    assert len(tokenizer.encode(name)) == 1
    assert len(tokenizer.encode(f" {name}")) == 1


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_survives(text: str) -> None:
    tokenizer = _session_tokenizer()
    normal = tokenizer.backend_tokenizer.normalizer.normalize_str(text)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenizer.decode(ids) == normal


def test_training_it_twice_gives_the_same(tokenizer: Any) -> None:
    assert build_tokenizer(CLASSES).get_vocab() == tokenizer.get_vocab()


def test_it_survives_saving(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "<|im_start|>user\n<|vision_bos|><|VIDEO|><|vision_eos|>Options: {Bell, Bird}."
    assert loaded.encode(text) == tokenizer.encode(text)
    assert token_ids(loaded) == token_ids(tokenizer)


def test_special_tokens_are_distinct(tokenizer: Any) -> None:
    assert len(set(token_ids(tokenizer).values())) == len(SPECIAL_TOKENS)


_kept: list[Any] = []


def _session_tokenizer() -> Any:
    """Hypothesis runs a test many times, and training a tokenizer takes a moment."""
    if not _kept:
        _kept.append(build_tokenizer(CLASSES))
    return _kept[0]
