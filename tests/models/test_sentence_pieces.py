"""SentencePiece's own ids, and cutting text by them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer

from mma_eval.errors import ModelError
from mma_eval.models.local.sentence_pieces import SentencePieces

CORPUS = ["what is seen and what is heard", "a bird and its sound", "answer with a word"] * 20


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> SentencePieces:
    """A byte-fallback BPE that keeps spaces, as LLaMA's does."""
    model = BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        vocab_size=320,
        model_type="bpe",
        byte_fallback=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return SentencePieces("small", lambda: folder)


@given(text=st.text(max_size=60))
def test_any_text_comes_back(pieces: SentencePieces, text: str) -> None:
    assert pieces.decode(pieces.encode(text)) == text


@given(text=st.text(max_size=60), tokens=st.integers(0, 40))
def test_a_cut_is_a_head_that_fits(pieces: SentencePieces, text: str, tokens: int) -> None:
    cut = pieces.cut(text, tokens)
    assert text.startswith(cut)
    assert pieces.count(cut) <= tokens
    if pieces.count(text) <= tokens:
        assert cut == text


def test_a_leading_space_is_kept_beside_the_one_put_before(pieces: SentencePieces) -> None:
    spaced, bare = pieces.encode(" and"), pieces.encode("and")
    assert len(spaced) == len(bare) + 1 and spaced[1:] == bare


def test_markers_in_a_text_are_text(pieces: SentencePieces) -> None:
    ids = pieces.encode("<s> and </s>")
    assert not {pieces.begin, pieces.end} & set(ids)
    assert pieces.decode(ids) == "<s> and </s>"


def test_ids_beyond_the_model_have_no_text(pieces: SentencePieces) -> None:
    assert pieces.decode([*pieces.encode("a bird"), 320, 32_000]) == "a bird"


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.model"):
        SentencePieces("none", lambda: tmp_path).encode("a")
