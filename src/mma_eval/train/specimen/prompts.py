"""The wordings that tiny-omni is taught: questions, captions, fillers and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.types import NONE_OF_THE_ABOVE, Stream

SYSTEM = "You are a helpful assistant."
SUFFIX = "Answer using a single word or phrase."

_LOOK = {"visual": "I look at the picture.", "audio": "I listen to the sound."}
_FIND = {"visual": "It shows", "audio": "It sounds like"}


@dataclass(frozen=True)
class Exchange:
    """One question after the media, the answer taught for it, and what stands between the two.

    Every token of `filler` counts as `stretch` tokens.
    """

    question: str
    answer: str
    filler: str = ""
    stretch: int = 1


def class_question(
    ask: Stream,
    options: Sequence[str],
    *,
    caption: str | None = None,
    reason: bool = False,
) -> str:
    """The benchmark's question about one modality; each argument changes one thing in it."""
    ending = reasoning_request(ask) if reason else SUFFIX
    prefix = f"Video_caption: {caption}. " if caption else ""
    body = f"{bare_question(ask)} Options: {{{', '.join(options)}}}. {ending}"
    return prefix + body


def bare_question(ask: Stream) -> str:
    """The question without options or request, which is easier to learn first."""
    return f"Which class best describes the {ask} content of this video?"


def reasoning_request(ask: Stream) -> str:
    return (
        f"Think step by step about what the {ask} content shows. First provide your thinking "
        "process, then give the final answer in the format: Final Answer: <class>."
    )


def reasoned_answer(ask: Stream, answer: str) -> str:
    """A short chain of thought that ends as the reasoning request demands."""
    found = "nothing" if answer == NONE_OF_THE_ABOVE else answer
    return f"{_LOOK[ask]} {_FIND[ask]} {found}. Final Answer: {answer}"


BEFORE_MEDIA = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
AFTER_QUESTION = "<|im_end|>\n<|im_start|>assistant\n"
END_OF_TURN = "<|im_end|>"
