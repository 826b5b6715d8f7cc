"""The specimen's tokenizer: byte-level BPE in Qwen's form, with every class name one token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mma_eval.train.specimen.prompts import SYSTEM, bare_question, class_question, reasoned_answer
from mma_eval.types import NONE_OF_THE_ABOVE

SPECIAL_TOKENS: tuple[str, ...] = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|AUDIO|>",
    "<|audio_bos|>",
    "<|audio_eos|>",
    "<|vision_bos|>",
    "<|vision_eos|>",
    "<|vision_pad|>",
    "<|IMAGE|>",
    "<|VIDEO|>",
)

# The names under which the processors of the published models find their placeholders.
_NAMED_TOKENS = {
    "image_token": "<|IMAGE|>",
    "audio_token": "<|AUDIO|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}

_LARGEST_VOCABULARY = 2000
_CONTEXT_TOKENS = 32_768


def build_tokenizer(classes: Sequence[str]) -> Any:
    """A Qwen2Tokenizer trained on the specimen's own sentences; any bytes can be encoded."""
    return learn_tokenizer(_sentences(classes), _LARGEST_VOCABULARY, least=2)


def learn_tokenizer(sentences: Iterable[str], vocabulary: int, *, least: int) -> Any:
    """A Qwen2Tokenizer of at most `vocabulary` entries and the special tokens.

    A merge has to occur `least` times in `sentences`.
    """
    from transformers import Qwen2Tokenizer

    entries, merges = _learn_merges(sentences, vocabulary, least)
    tokenizer = Qwen2Tokenizer(
        vocab=entries,
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        # Bytes cover everything; the stock default would make the padding token the unknown one.
        unk_token=None,
        extra_special_tokens=_NAMED_TOKENS,
        model_max_length=_CONTEXT_TOKENS,
    )
    known = tokenizer.get_vocab()
    tokenizer.add_tokens(
        [token for token in SPECIAL_TOKENS if token not in known], special_tokens=True
    )
    return tokenizer


def token_ids(tokenizer: Any) -> dict[str, int]:
    """The special tokens' numbers."""
    return {token: int(tokenizer.convert_tokens_to_ids(token)) for token in SPECIAL_TOKENS}


def _learn_merges(
    sentences: Iterable[str], vocabulary: int, least: int
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=least,
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [(merge[0], merge[1]) for merge in model["merges"]]
    return model["vocab"], merges


def _sentences(classes: Sequence[str]) -> Iterator[str]:
    """What the merges are learnt from: frequent enough that every word ends as one token."""
    options = [*classes, NONE_OF_THE_ABOVE]
    for ask in ("visual", "audio"):
        yield from [bare_question(ask)] * 2
        for reason in (False, True):
            yield from [class_question(ask, options, caption="Caption", reason=reason)] * 2
        yield from [reasoned_answer(ask, NONE_OF_THE_ABOVE)] * 2
    yield from [f"system\n{SYSTEM}", "user\n", "assistant\n"] * 2
    for name in options:
        # At the start of an answer, inside a sentence, first among options.
        yield from [name, f" {name}", f"{{{name}"] * 4
