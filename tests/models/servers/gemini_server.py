"""A server that speaks the Gemini API, with media that it really decodes.

By hand: `python -m tests.models.servers.gemini_server --port 8001`, then
`GEMINI_API_KEY=anything mma-eval --model gemini --tasks aligned_visual --dataset demo --limit 4
--model-args model=gemini-2.0-flash,base_url=http://127.0.0.1:8001`.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import crc32

import av
import numpy as np

from mma_eval.models.mock import options_in
from tests.models.servers.gemini_batches import BatchBehaviour, Batches

TOO_LONG = "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."
DAILY_QUOTA: dict[str, Any] = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
FRAME_TOKENS = 258
SOUND_TOKENS_A_SECOND = 32


class Fault(StrEnum):
    """Something else than an answer."""

    BUSY = "busy"
    BUSY_WITH_DELAY = "busy_with_delay"
    BUSY_WITH_HEADER = "busy_with_header"
    DAILY_QUOTA = "daily_quota"
    UNAVAILABLE = "unavailable"
    SLOW = "slow"
    BROKEN_JSON = "broken_json"
    CUT_OFF = "cut_off"
    PROMPT_BLOCK = "prompt_block"
    OUTPUT_BLOCK = "output_block"
    EMPTY = "empty"
    NO_ROOM = "no_room"
    TOO_LONG = "too_long"
    KEY_REFUSED = "key_refused"
    KEY_ECHOED = "key_echoed"


@dataclass
class Behaviour:
    """What the server does; a plain one answers by what it sees or hears."""

    fault: Fault | None = None
    times: int = 1_000_000
    """Requests that meet the fault."""
    where: str = ""
    """Only requests with this in their text meet it."""
    delay: float = 0.0
    """Seconds that a busy server asks to wait, or that a slow one takes."""
    seconds: float = 0.0
    """Time that every answer takes."""
    version: str | None = None
    """The modelVersion of its answers; the wanted model without it."""
    uploads_stay: bool = False
    """Uploads stay in PROCESSING."""
    deaf: bool = False
    """The sound is dropped, though its tokens are counted."""
    drops_sound: bool = False
    """The sound is dropped, and its tokens with it."""
    dies_after: int | None = None
    """Answers after which the server is gone."""
    most_at_once: int | None = None
    """More requests at once than this are too many."""
    batch: BatchBehaviour = field(default_factory=BatchBehaviour)


@dataclass
class Clip:
    """What the server makes of the media of a request."""

    picture: bytes = b""
    sound: bytes = b""
    frames: int = 0
    seconds_of_sound: float = 0.0


@dataclass
class Received:
    """One generateContent request, in the order of its arrival."""

    model: str
    kinds: tuple[str, ...]
    """text, inline or uploaded, for each part."""
    mime_type: str | None
    text: str
    config: dict[str, Any]
    system: str | None
    at: float


@dataclass
class Served:
    """A running server and what it has seen."""

    behaviour: Behaviour
    address: str = ""
    requests: list[Received] = field(default_factory=list)
    uploads: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    """Content by name, and how often it was asked for."""
    deleted: list[str] = field(default_factory=list)
    batches: Batches = field(default_factory=Batches)
    answered: int = 0
    at_once: int = 0
    most_at_once: int = 0
    faults: int = 0
    dead: bool = False
    seen: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class GeminiHandler(BaseHTTPRequestHandler):
    """The few calls that answering questions about clips needs."""

    protocol_version = "HTTP/1.1"
    served: Served
    stop: Any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        name = path.rpartition("/")[2]
        batches = self.served.batches
        if path.endswith("/batches"):
            self._send(200, {"operations": [batches.seen(job) for job in batches.jobs]})
        elif "/batches/" in path:
            job = batches.look(f"batches/{name}")
            if job is None:
                self._error(404, "NOT_FOUND", "Requested entity was not found.")
            else:
                self._send(200, job)
        elif name.endswith(":download"):
            self._send_bytes(200, batches.results(name.removesuffix(":download")))
        else:
            content, asked = self.served.uploads[name]
            self.served.uploads[name] = (content, asked + 1)
            ready = asked > 0 and not self.served.behaviour.uploads_stay
            self._send(200, self._file(name, "ACTIVE" if ready else "PROCESSING"))

    def do_DELETE(self) -> None:
        self._body()
        self.served.deleted.append(self.path.rpartition("/")[2])
        self._send(200, {})

    def do_POST(self) -> None:
        body = self._body()
        if self.path.startswith("/upload/"):
            name = f"clip{len(self.served.uploads)}"
            self.served.uploads[name] = (b"", 0)
            location = f"{self.served.address}/bytes/{name}"
            self._send(200, {}, {"X-Goog-Upload-URL": location})
        elif self.path.startswith("/bytes/"):
            name = self.path.rpartition("/")[2]
            self.served.uploads[name] = (body, 0)
            # Only media are processed.
            state = "ACTIVE" if body.startswith(b"{") else "PROCESSING"
            answer = {"file": self._file(name, state)}
            self._send(200, answer, {"X-Goog-Upload-Status": "final"})
        elif self.path.endswith(":batchGenerateContent"):
            self._create_batch(json.loads(body)["batch"])
        else:
            self._generate(json.loads(body))

    def _create_batch(self, batch: dict[str, Any]) -> None:
        behaviour = self.served.behaviour.batch
        if behaviour.refuses:
            behaviour.refuses -= 1
            self._error(400, "INVALID_ARGUMENT", "Batches of this model are not supported.")
            return
        if (
            behaviour.jobs_a_day is not None
            and len(self.served.batches.jobs) >= behaviour.jobs_a_day
        ):
            self._error(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.", DAILY_QUOTA)
            return
        name = _field(batch["inputConfig"], "fileName").rpartition("/")[2]
        content, _ = self.served.uploads[name]
        job = self.served.batches.create(self._model(), batch, content, self._batch_result)
        if job is None:
            self._error(429, "RESOURCE_EXHAUSTED", "Too many tokens are in the queue.")
        elif behaviour.loses_replies:
            behaviour.loses_replies -= 1
            self._error(503, "UNAVAILABLE", "The service is overloaded.")
        else:
            self._send(200, self.served.batches.seen(job))

    def _batch_result(self, body: dict[str, Any]) -> dict[str, Any]:
        """What is under a request's key in the file of results."""
        received = self._received(body)
        with self.served.lock:
            self.served.requests.append(received)
        match self._met(received):
            case None:
                return {"response": {**self._answer(body, received), "unheardOf": {"new": 1}}}
            case Fault.UNAVAILABLE:
                return {"error": {"code": 14, "message": "The model is overloaded."}}
            case Fault.TOO_LONG:
                return {"error": {"code": 3, "message": TOO_LONG}}
            case Fault.KEY_ECHOED:
                key = self.headers.get("x-goog-api-key", "")
                return {"error": {"code": 3, "message": f"Bad request with key={key}"}}
            case fault:
                return {"response": changed(fault, self._answer(body, received))}

    def _generate(self, body: dict[str, Any]) -> None:
        served = self.served
        with served.lock:
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
            at_once = served.at_once
        try:
            self._reply(body, at_once)
        finally:
            with served.lock:
                served.at_once -= 1

    def _reply(self, body: dict[str, Any], at_once: int) -> None:
        served, behaviour = self.served, self.served.behaviour
        received = self._received(body)
        with served.lock:
            if served.dead:
                self.close_connection = True
                return
            served.requests.append(received)
        fault = self._met(received)
        if behaviour.most_at_once is not None and at_once > behaviour.most_at_once:
            time.sleep(behaviour.seconds)
            self._error(429, "RESOURCE_EXHAUSTED", "Too many requests.")
        elif fault is not None:
            self._fault(fault, body, received)
        else:
            time.sleep(behaviour.seconds)
            self._send(200, self._answer(body, received))
            self._maybe_die()

    def _met(self, received: Received) -> Fault | None:
        """The fault that strikes the request."""
        served, behaviour = self.served, self.served.behaviour
        with served.lock:
            meets = behaviour.where in received.text and served.faults < behaviour.times
            if behaviour.fault is None or not meets:
                return None
            served.faults += 1
            return behaviour.fault

    def _maybe_die(self) -> None:
        served = self.served
        with served.lock:
            served.answered += 1
            limit = served.behaviour.dies_after
            if limit is None or served.answered < limit or served.dead:
                return
            served.dead = True
        threading.Thread(target=self.stop, daemon=True).start()

    def _fault(self, fault: Fault, body: dict[str, Any], received: Received) -> None:
        seconds = self.served.behaviour.delay
        key = self.headers.get("x-goog-api-key", "")
        match fault:
            case Fault.BUSY:
                self._error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.")
            case Fault.BUSY_WITH_DELAY:
                detail: dict[str, Any] = {
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": f"{seconds:g}s",
                }
                self._error(429, "RESOURCE_EXHAUSTED", "Please retry later.", detail)
            case Fault.BUSY_WITH_HEADER:
                self._error(
                    429, "RESOURCE_EXHAUSTED", "Slow down.", headers={"Retry-After": f"{seconds:g}"}
                )
            case Fault.DAILY_QUOTA:
                self._error(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.", DAILY_QUOTA)
            case Fault.UNAVAILABLE:
                self._error(503, "UNAVAILABLE", "The model is overloaded.")
            case Fault.SLOW:
                time.sleep(seconds)
                self._send(200, self._answer(body, received))
            case Fault.BROKEN_JSON:
                self._send_bytes(200, b'{"candidates": [{"content": {"parts": [{"te')
            case Fault.CUT_OFF:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"candidates"')
                self.close_connection = True
            case Fault.PROMPT_BLOCK | Fault.OUTPUT_BLOCK | Fault.EMPTY | Fault.NO_ROOM:
                self._send(200, changed(fault, self._answer(body, received)))
            case Fault.TOO_LONG:
                self._error(400, "INVALID_ARGUMENT", TOO_LONG)
            case Fault.KEY_REFUSED:
                detail = {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                }
                self._error(400, "INVALID_ARGUMENT", f"API key not valid: {key}", detail)
            case Fault.KEY_ECHOED:
                self._error(400, "INVALID_ARGUMENT", f"Bad request with key={key}")

    def _received(self, body: dict[str, Any]) -> Received:
        parts = body["contents"][0]["parts"]
        kinds, texts, mime_type = [], [], None
        for part in parts:
            if "text" in part:
                kinds.append("text")
                texts.append(part["text"])
            else:
                kinds.append("inline" if _field(part, "inlineData") else "uploaded")
                data = _field(part, "inlineData") or _field(part, "fileData")
                mime_type = _field(data, "mimeType")
        system = _field(body, "systemInstruction")
        return Received(
            model=self._model(),
            kinds=tuple(kinds),
            mime_type=mime_type,
            text="\n".join(texts),
            config=body.get("generationConfig", {}),
            system=None if system is None else system["parts"][0]["text"],
            at=time.monotonic(),
        )

    def _model(self) -> str:
        return re.sub(r".*/models/([^:]+):.*", r"\1", self.path)

    def _answer(self, body: dict[str, Any], received: Received) -> dict[str, Any]:
        content = self._media(body)
        clip = decode(content)
        behaviour = self.served.behaviour
        counts = {"TEXT": len(received.text.split())}
        if clip.frames:
            counts["VIDEO"] = FRAME_TOKENS * clip.frames
        if clip.seconds_of_sound and not behaviour.drops_sound:
            counts["AUDIO"] = round(SOUND_TOKENS_A_SECOND * clip.seconds_of_sound)
        usage: dict[str, Any] = {
            "promptTokenCount": sum(counts.values()),
            "candidatesTokenCount": 3,
            "totalTokenCount": sum(counts.values()) + 3,
            "promptTokensDetails": [
                {"modality": name, "tokenCount": count} for name, count in counts.items()
            ],
        }
        with self.served.lock:
            if crc32(content) in self.served.seen:
                usage["cachedContentTokenCount"] = counts.get("VIDEO", 0) + counts.get("AUDIO", 0)
            self.served.seen.add(crc32(content))
        text = say(received.text, clip, deaf=behaviour.deaf or behaviour.drops_sound)
        return {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": text}]},
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": usage,
            "modelVersion": behaviour.version or received.model,
        }

    def _media(self, body: dict[str, Any]) -> bytes:
        for part in body["contents"][0]["parts"]:
            if inline := _field(part, "inlineData"):
                return base64.urlsafe_b64decode(inline["data"])
            if file := _field(part, "fileData"):
                return self.served.uploads[_field(file, "fileUri").rpartition("/")[2]][0]
        return b""

    def _file(self, name: str, state: str) -> dict[str, Any]:
        uri = f"{self.served.address}/v1beta/files/{name}"
        return {"name": f"files/{name}", "uri": uri, "state": state, "mimeType": "video/mp4"}

    def _error(
        self,
        code: int,
        status: str,
        message: str,
        detail: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        error = {"code": code, "message": message, "status": status}
        details = {} if detail is None else {"details": [detail]}
        self._send(code, {"error": {**error, **details}}, headers)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self._send_bytes(status, json.dumps(body).encode(), headers)

    def _send_bytes(
        self, status: int, content: bytes, headers: dict[str, str] | None = None
    ) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True


def changed(fault: Fault, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that was blocked or holds no text."""
    if fault is Fault.PROMPT_BLOCK:
        return {**answer, "candidates": None, "promptFeedback": {"blockReason": "SAFETY"}}
    reason = {
        Fault.OUTPUT_BLOCK: "SAFETY",
        Fault.EMPTY: "STOP",
        Fault.NO_ROOM: "MAX_TOKENS",
    }[fault]
    return {**answer, "candidates": [{"finishReason": reason, "index": 0}]}


def decode(content: bytes) -> Clip:
    """Coarse digests of picture and sound, which do not change with a codec's rounding."""
    clip = Clip()
    if not content:
        return clip
    with av.open(io.BytesIO(content), "r") as container:
        samples: list[Any] = []
        rate = 1
        for frame in container.decode(*container.streams):
            if isinstance(frame, av.VideoFrame):
                if not clip.frames:
                    clip.picture = bytes(
                        [round(float(frame.to_ndarray(format="gray").mean()) / 16)]
                    )
                clip.frames = int(frame.time or 0) + 1
            elif isinstance(frame, av.AudioFrame):
                samples.append(frame.to_ndarray()[0])
                rate = frame.sample_rate
    if samples:
        sound = np.concatenate(samples)
        clip.seconds_of_sound = len(sound) / rate
        loudest = int(np.abs(np.fft.rfft(sound)).argmax() / clip.seconds_of_sound / 40)
        clip.sound = bytes([loudest % 256, int(np.abs(sound).max() > 0.01)])
    return clip


def say(text: str, clip: Clip, *, deaf: bool) -> str:
    """One of the options, chosen by the stream that the question is about."""
    options = options_in(text) or ["nothing"]
    heard = re.search(r"\b(audio|sound|hear)", text) is not None
    stream = clip.sound if heard and not deaf else clip.picture
    chosen = options[sum(stream) % len(options)]
    return f"Final Answer: {chosen}" if "Final Answer:" in text else chosen


def _field(part: dict[str, Any], name: str) -> Any:
    """A field in camel case or, as the client also writes them, in snake case."""
    return part.get(name, part.get(re.sub(r"([A-Z])", r"_\1", name).lower()))


@contextmanager
def serve_gemini(behaviour: Behaviour | None = None, port: int = 0) -> Iterator[Served]:
    """A running server; it ends with the block."""
    behaviour = behaviour or Behaviour()
    served = Served(behaviour, batches=Batches(behaviour.batch))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    def stop() -> None:
        server.shutdown()
        server.server_close()

    handler = type("Handler", (GeminiHandler,), {"served": served, "stop": staticmethod(stop)})
    server = Server(("127.0.0.1", port), handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield served
    finally:
        served.dead = True
        stop()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--fault", type=Fault, choices=list(Fault), default=None)
    parser.add_argument("--times", type=int, default=Behaviour.times)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--version", default=None)
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--uploads-stay", action="store_true")
    parser.add_argument("--dies-after", type=int, default=None)
    given = vars(parser.parse_args())
    port = given.pop("port")
    with serve_gemini(Behaviour(**given), port) as served:
        print(f"the Gemini API at {served.address}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
