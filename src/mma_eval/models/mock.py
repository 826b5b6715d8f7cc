"""A scripted backend, for users' own tests and for trying tasks without a model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Event
from typing import Literal

from mma_eval.errors import MmaEvalError, UsageError
from mma_eval.media.source import Media
from mma_eval.models.base import ModelArguments, OneByOne
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.seeded import SeededStream
from mma_eval.types import NONE_OF_THE_ABOVE, Evidence, Question, TextTokenizer, TokenCounts

Behaviour = Literal["first", "last", "random", "abstain", "fail", "hang", "script"]


class MockArguments(ModelArguments):
    """What the mock says, and how long it takes to say it."""

    behaviour: Behaviour = "first"
    """first | last | random option, abstain, fail or hang at every call, answers from `script`."""
    script: Path | None = None
    """JSON object from question id (`<clip>/<ask>`, or `<task>:<clip>/<ask>`) to answer."""
    decode: bool = False
    """Decode the media as a real backend does."""
    seconds: float = 0.0
    """Pause before each answer."""
    log: Path | None = None
    """Append the id of every question asked, one a line."""


class Mock(OneByOne):
    """Answers by a stated rule; never looks at the media unless told to decode them."""

    Arguments = MockArguments
    arguments: MockArguments

    def load(self) -> None:
        self._script()

    @property
    def tokenizer(self) -> TextTokenizer:
        return WordTokenizer()

    def fingerprint(self) -> str:
        relevant = self.arguments.model_dump_json(include={"behaviour"})
        script = json.dumps(self._script(), sort_keys=True)
        return f"mock:{relevant}:{script}"

    def reply(self, media: Media, question: Question) -> str:
        if self.arguments.log is not None:
            with self.arguments.log.open("a", encoding="utf-8") as log:
                log.write(question.id + "\n")
        if self.arguments.seconds:
            time.sleep(self.arguments.seconds)
        if self.arguments.decode:
            media.frames(self.sampling.frames)
            media.sound(self.sampling.audio)
        return self._say(question)

    def count_tokens(self, media: Media, question: Question) -> TokenCounts:
        return tokens_by_reference(media, question)

    def _say(self, question: Question) -> str:
        options = options_in(question.after_media)
        behaviour = self.arguments.behaviour
        if behaviour == "fail":
            raise MmaEvalError("the mock was told to fail")
        if behaviour == "hang":
            Event().wait()
        if behaviour == "script":
            script = self._script()
            plain = question.id.partition(":")[2] or question.id
            for key in (question.id, plain):
                if key in script:
                    return script[key]
            raise UsageError(f"the mock's script has no answer for '{question.id}'")
        chosen = NONE_OF_THE_ABOVE
        if options and behaviour == "random":
            chosen = SeededStream(0, "mock", question.id).choice(options)
        elif options and behaviour != "abstain":
            chosen = options[0] if behaviour == "first" else options[-1]
        wants_reasoning = "Final Answer:" in question.after_media
        return f"Final Answer: {chosen}" if wants_reasoning else chosen

    def _script(self) -> dict[str, str]:
        path = self.arguments.script
        if path is None:
            if self.arguments.behaviour == "script":
                raise UsageError("the mock needs --model-args behaviour=script,script=FILE.json")
            return {}
        try:
            script = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: the mock's script cannot be read ({error})") from error
        if not isinstance(script, dict):
            raise UsageError(f"{path}: the mock's script must map question ids to answers")
        return {str(key): str(value) for key, value in script.items()}


def options_in(prompt: str) -> list[str]:
    """The options that a rendered prompt lists between braces."""
    _, _, rest = prompt.partition("Options: {")
    if not rest:
        return []
    return [option.strip() for option in rest.partition("}")[0].split(",") if option.strip()]


def tokens_by_reference(media: Media, question: Question) -> TokenCounts:
    """One token a stream that is there: such a backend is fed by reference, not by content."""
    words = len(f"{question.before_media} {question.after_media}".split())
    return TokenCounts(words, int(media.has_video), int(media.has_audio), Evidence.COUNTED)
