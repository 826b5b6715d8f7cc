"""A server that speaks chat completions as vLLM does, with media that it really decodes.

By hand: `python -m tests.models.servers.openai_server --port 8000`, then
`mma-eval --model openai --model-args base_url=http://127.0.0.1:8000/v1 --tasks aligned`.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import socket
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import av

from mma_eval.models.mock import options_in

MODEL = "Qwen/Qwen2.5-Omni-7B"
AUDIO_TOKENS_A_SECOND = 25
CONTEXT = 32_768
LETTER = -0.5
CLOSING = -0.25
"""Log-likelihoods of a character of an answer and of its end."""


@dataclass
class Fault:
    """Something else than an answer; strikes chat requests whose text holds `where`."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    """Pause first; a server that has no `body` to send then answers as always."""
    times: int = 1
    where: str = ""


@dataclass
class Behaviour:
    """What the server does; a plain one answers every question with its first option."""

    model: str = MODEL
    root: str | None = None
    """The checkpoint behind a served name of another sort."""
    key: str | None = None
    """The bearer token that it asks for."""
    faults: list[Fault] = field(default_factory=list)
    drops_sound: bool = False
    reuses_layouts: bool = False
    """Keeps the sound that a picture first came with, as a cache of halves of a clip does."""
    counts_media: bool = True
    """Whether usage tells the tokens of each modality (vLLM: --enable-prompt-tokens-details)."""
    refuses: str | None = None
    """Chat requests whose text holds this are refused, in the message."""
    filters: str | None = None
    """Chat requests whose text holds this are stopped by a content filter."""
    context: int = CONTEXT
    scores: Literal["right", "none", "shifted", "open"] = "right"
    """How prompt_logprobs are told: of each token, not at all, of the wrong ones, or of a prompt
    whose last message is not closed."""
    dies_after: int | None = None
    """Chat answers after which the process is gone."""
    seconds: float = 0.0
    """Time that every answer takes."""


@dataclass
class Served:
    """A running server: where it is, and every chat request that it received."""

    address: str
    behaviour: Behaviour
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answered: int = 0
    layouts: dict[int, int] = field(default_factory=dict)
    """Audio tokens that each picture first came with."""
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Prompt:
    """What a request feeds the model."""

    text: str
    video_tokens: int
    audio_tokens: int
    picture: int = 0
    """Hash of the frames."""

    @property
    def tokens(self) -> int:
        return len(self.text) + self.video_tokens + self.audio_tokens


class BadRequestError(Exception):
    """The request cannot be served; its words go to the client."""


class Handler(BaseHTTPRequestHandler):
    """One connection; `served` is shared by all of a server."""

    protocol_version = "HTTP/1.1"
    served: Served

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def do_GET(self) -> None:
        if not self._may_enter():
            return
        if self.path != "/v1/models":
            self._fail(404, "Not Found")
            return
        behaviour = self.served.behaviour
        entry = {
            "id": behaviour.model,
            "object": "model",
            "root": behaviour.root or behaviour.model,
            "max_model_len": behaviour.context,
        }
        self._send(200, {"object": "list", "data": [entry]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._may_enter():
            return
        if self.path in ("/tokenize", "/detokenize"):
            self._measure(body)
            return
        if self.path != "/v1/chat/completions":
            self._fail(404, "Not Found")
            return
        if body["model"] != self.served.behaviour.model:
            self._fail(404, f"The model `{body['model']}` does not exist.")
            return
        with self.served.lock:
            self.served.requests.append(body)
            self.served.headers.append(dict(self.headers))
        try:
            self._chat(body)
        except BadRequestError as error:
            self._fail(400, str(error))

    def _measure(self, body: dict[str, Any]) -> None:
        """A token is a character: its id is the code point."""
        if self.path == "/tokenize":
            ids = [ord(character) for character in body["prompt"]]
            self._send(200, {"count": len(ids), "max_model_len": 0, "tokens": ids})
        else:
            self._send(200, {"prompt": "".join(map(chr, body["tokens"]))})

    def _chat(self, body: dict[str, Any]) -> None:
        behaviour = self.served.behaviour
        prompt = read_prompt(body, drops_sound=behaviour.drops_sound)
        if behaviour.reuses_layouts and prompt.video_tokens and prompt.audio_tokens:
            first = self.served.layouts.setdefault(prompt.picture, prompt.audio_tokens)
            prompt = replace(prompt, audio_tokens=first)
        fault = self._next_fault(prompt.text)
        time.sleep(behaviour.seconds)
        if fault is not None:
            time.sleep(fault.seconds)
            if fault.body or fault.status != 200:
                self._send_bytes(fault.status, fault.body, fault.headers)
                return
        if not self._lives():
            self._hang_up()
            return
        if prompt.tokens + body["max_tokens"] > behaviour.context:
            raise BadRequestError(
                f"This model's maximum context length is {behaviour.context} tokens. However, "
                f"your request has {prompt.tokens} input tokens."
            )
        reply = completion(behaviour, prompt)
        if "prompt_logprobs" in body and behaviour.scores != "none":
            told = prompt_logprobs(body, prompt, behaviour.scores)
            reply["prompt_logprobs"] = told
            reply["usage"]["prompt_tokens"] = len(told)
        self._send(200, reply)

    def _next_fault(self, text: str) -> Fault | None:
        with self.served.lock:
            for fault in self.served.behaviour.faults:
                if fault.times and fault.where in text:
                    fault.times -= 1
                    return fault
        return None

    def _lives(self) -> bool:
        """Counts the answer; the process ends at the one that it does not give any more."""
        with self.served.lock:
            limit = self.served.behaviour.dies_after
            if limit is not None and self.served.answered >= limit:
                if not self.served.dead:
                    self.served.dead = True
                    threading.Thread(target=self._die, daemon=True).start()
                return False
            self.served.answered += 1
            return True

    def _hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _die(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _may_enter(self) -> bool:
        if self.served.dead:
            self._hang_up()
            return False
        key = self.served.behaviour.key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        # Some servers repeat the key that they were given.
        given = self.headers.get("Authorization", "")
        self._fail(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}")
        return False

    def _fail(self, status: int, message: str) -> None:
        error = {"message": message, "type": "BadRequestError", "code": status}
        self._send(status, {"error": error})

    def _send(self, status: int, content: dict[str, Any]) -> None:
        self._send_bytes(status, json.dumps(content).encode(), ())

    def _send_bytes(self, status: int, content: bytes, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def read_prompt(body: dict[str, Any], *, drops_sound: bool) -> Prompt:
    """Decode the parts; raises BadRequestError for what vLLM refuses."""
    in_video = bool((body.get("mm_processor_kwargs") or {}).get("use_audio_in_video"))
    texts: list[str] = []
    video = audio = picture = 0
    for message in body["messages"]:
        if message["role"] == "assistant":
            continue
        content = message["content"]
        parts: list[dict[str, Any]] = (
            [{"type": "text", "text": content}] if isinstance(content, str) else content
        )
        for part in parts:
            match part["type"]:
                case "text":
                    texts.append(part["text"])
                case "video_url":
                    frames, seconds = read_mp4(part["video_url"]["url"], sound=in_video)
                    video, picture = video + len(frames), hash(frames)
                    audio += round(AUDIO_TOKENS_A_SECOND * seconds)
                case "input_audio":
                    audio += round(AUDIO_TOKENS_A_SECOND * wav_seconds(part["input_audio"]))
                case other:
                    raise BadRequestError(f"Unknown part type: {other}")
    return Prompt("\n".join(texts), video, 0 if drops_sound else audio, picture)


def read_mp4(url: str, *, sound: bool) -> tuple[tuple[bytes, ...], float]:
    """Pixels of every frame, and seconds of sound where it is wanted, of an mp4 in a data URL."""
    head, _, data = url.partition(",")
    if head != "data:video/mp4;base64":
        raise BadRequestError(f"not a data URL of an mp4: {head[:40]}")
    with av.open(io.BytesIO(base64.b64decode(data)), "r") as container:
        if not container.streams.video:
            raise BadRequestError("Could not open video stream")
        if sound and not container.streams.audio:
            raise BadRequestError("No audio stream found in the video.")
        frames = tuple(frame.to_ndarray().tobytes() for frame in container.decode(video=0))
        if not sound:
            return frames, 0.0
        container.seek(0)
        blocks = list(container.decode(audio=0))
        return frames, sum(block.samples / block.sample_rate for block in blocks)


def wav_seconds(part: dict[str, str]) -> float:
    if part["format"] != "wav":
        raise BadRequestError(f"unknown audio format {part['format']}")
    with wave.open(io.BytesIO(base64.b64decode(part["data"])), "rb") as file:
        frames, rate = file.getnframes(), file.getframerate()
    return float(frames / rate)


def completion(behaviour: Behaviour, prompt: Prompt) -> dict[str, Any]:
    """The whole reply."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt.tokens,
        "completion_tokens": 4,
        "total_tokens": prompt.tokens + 4,
        "prompt_tokens_details": None,
    }
    if behaviour.counts_media:
        details = {"video_tokens": prompt.video_tokens, "audio_tokens": prompt.audio_tokens}
        usage["prompt_tokens_details"] = {name: n for name, n in details.items() if n}
    message: dict[str, Any] = {"role": "assistant", "content": said(prompt.text), "refusal": None}
    finish = "stop"
    if behaviour.refuses is not None and behaviour.refuses in prompt.text:
        message |= {"content": None, "refusal": "I cannot help with that."}
    if behaviour.filters is not None and behaviour.filters in prompt.text:
        message["content"], finish = "", "content_filter"
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "model": behaviour.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }


def prompt_logprobs(
    body: dict[str, Any], prompt: Prompt, how: str
) -> list[dict[str, dict[str, Any]] | None]:
    """A likelihood for every token: LETTER for a character of the answer, CLOSING for its end."""
    answer = body["messages"][-1]
    assert answer["role"] == "assistant"
    assert body["add_generation_prompt"] is False
    assert body["prompt_logprobs"] == 0
    media = prompt.tokens - len(prompt.text)
    before = [("<media>", -9.0)] * media + [(letter, -9.0) for letter in prompt.text]
    if how == "shifted":
        before = before[:-1]
    after = [(letter, LETTER) for letter in answer["content"]]
    closing = [("<|im_end|>", CLOSING), ("\n", -9.0)] if how != "open" else [("\n", -9.0)]
    told = [
        {str(number): {"logprob": logprob, "rank": 1, "decoded_token": token}}
        for number, (token, logprob) in enumerate([*before, *after, *closing])
    ]
    return [None, *told[1:]]


def said(text: str) -> str:
    """The first option, in the form that the prompt asks for."""
    chosen = next(iter(options_in(text)), "a sound")
    return f"Final Answer: {chosen}" if re.search("Final Answer:", text) else chosen


@contextmanager
def serve(behaviour: Behaviour | None = None, port: int = 0) -> Iterator[Served]:
    """A server on this machine, for as long as the block runs or until it dies."""
    served = Served("", behaviour or Behaviour())
    handler = type("BoundHandler", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    served.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--drops-sound", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0, help="time that an answer takes")
    parser.add_argument("--dies-after", type=int, help="answers after which the server is gone")
    given = parser.parse_args()
    behaviour = Behaviour(
        drops_sound=given.drops_sound, seconds=given.seconds, dies_after=given.dies_after
    )
    with serve(behaviour, given.port) as served:
        print(f"{served.address} serves {behaviour.model}; end with Ctrl-C")
        threading.Event().wait()


if __name__ == "__main__":
    main()
