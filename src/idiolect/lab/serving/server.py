"""The OpenAI-compatible HTTP server of the lab, threaded, from the standard library alone.

`POST /v1/chat/completions` and `/v1/completions`, `GET /v1/models`, and `GET /lab/counts`: what
the server itself has seen, to compare with what a client believes.
"""

import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from idiolect.errors import BackendError, ConfigError
from idiolect.lab.serving import payloads
from idiolect.lab.serving.backends import Backend, Generation, Teacher
from idiolect.lab.serving.faults import FAULTS, HEADER, Fault, Faults
from idiolect.records import content_id

__all__ = ["Counts", "LabServer", "running"]

Json = dict[str, Any]
_log = logging.getLogger(__name__)
_DOORS = {"/v1/chat/completions": True, "/v1/completions": False}


@dataclass(kw_only=True)
class Counts:
    """What the server has seen. A request is billed once an answer was written for it."""

    requests: int = 0
    billed: int = 0
    answered: int = 0
    """Requests whose whole and sound answer went out; a client has no reason to repeat them."""

    repeated_after_answer: int = 0
    """Requests with the very body of one that had been answered before."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))


class LabServer(ThreadingHTTPServer):
    """Serves named backends. Use `running`, or `serve_forever`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        backends: Mapping[str, Backend],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        api_key: str | None = None,
    ) -> None:
        self.backends = dict(backends)
        self.faults = faults or Faults()
        self.api_key = api_key
        self.counts = Counts()
        self._answered: set[str] = set()
        self._made: Counter[str] = Counter()
        self._lock = threading.Lock()
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise BackendError(
                f"lab serve: {host}:{port} can't be used: {error.strerror}; choose another --port"
            ) from error

    @property
    def url(self) -> str:
        """The base URL for clients, with `/v1`."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def admit(self, key: str) -> Fault | None:
        """Count a request and return what goes wrong with it."""
        with self._lock:
            number, before = self.counts.requests, self._made[key]
            self.counts.requests += 1
            self._made[key] += 1
            if key in self._answered:
                self.counts.repeated_after_answer += 1
        return self.faults.of(number, key, before)

    def note_fault(self, fault: Fault) -> None:
        """Count a fault."""
        with self._lock:
            self.counts.faults[fault] += 1

    def bill(self, usage: Mapping[str, int]) -> None:
        """Count an answer that was written, whatever becomes of it."""
        with self._lock:
            self.counts.billed += 1
            self.counts.prompt_tokens += usage["prompt_tokens"]
            self.counts.completion_tokens += usage["completion_tokens"]

    def note_answered(self, key: str) -> None:
        """Count an answer that went out whole."""
        with self._lock:
            self.counts.answered += 1
            self._answered.add(key)


@contextmanager
def running(server: LabServer) -> Generator[LabServer]:
    """Run the server in a thread for the length of a `with` block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection. `server` is the LabServer."""

    protocol_version = "HTTP/1.1"
    server: LabServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def do_GET(self) -> None:
        """Answer the two questions about the server itself."""
        if self.path == "/lab/counts":
            self._send(200, asdict(self.server.counts))
        elif self.path == "/v1/models":
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "idiolect"}
                for name in self.server.backends
            ]
            self._send(200, {"object": "list", "data": models})
        else:
            self._send(404, payloads.error(f"no such path: {self.path}", "not_found_error"))

    def do_POST(self) -> None:
        """Answer a request, or do what its fault says."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self._refused(raw):
                return
            self._serve(json.loads(raw), content_id(self.path, raw.decode()))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _refused(self, raw: bytes) -> bool:
        """Answer what is no request at all; return whether it was that."""
        key = self.server.api_key
        if self.path not in _DOORS:
            self._send(404, payloads.error(f"no such path: {self.path}", "not_found_error"))
        elif key is not None and self.headers.get("Authorization") != f"Bearer {key}":
            self._send(401, payloads.error("wrong API key", "authentication_error"))
        else:
            try:
                if isinstance(json.loads(raw), dict):
                    return False
                found = "no object"
            except (ValueError, UnicodeDecodeError) as error:
                found = str(error)
            self._send(400, payloads.error(f"body: not JSON: {found}", "invalid_request_error"))
        return True

    def _serve(self, body: Json, key: str) -> None:
        fault = self._fault(self.server.admit(key))
        if fault:
            self.server.note_fault(fault)
        if fault in ("429", "429-retry-after", "500"):
            self._fail(fault)
            return
        if fault == "drop" and not body.get("stream"):
            self._hang_up()
            return
        try:
            response = self._response(body, cut=fault == "cut")
        except ConfigError as error:
            missing = body.get("model") not in self.server.backends
            kind = "not_found_error" if missing else "invalid_request_error"
            self._send(404 if missing else 400, payloads.error(str(error), kind))
            return
        self.server.bill(response["usage"])
        if fault == "slow":
            time.sleep(self.server.faults.slow_s)
        if fault == "empty":
            response["choices"] = []
        if body.get("stream"):
            whole = self._stream(body, response, fault)
        else:
            whole = self._send(200, response, truncated=fault == "truncated")
        if whole and fault in (None, "slow", "cut"):
            self.server.note_answered(key)

    def _fault(self, drawn: Fault | None) -> Fault | None:
        named = self.headers.get(HEADER)
        if named is None:
            return drawn
        return next((fault for fault in FAULTS if fault == named), None)

    def _response(self, body: Json, *, cut: bool) -> Json:
        """Return the full response to a request."""
        backend = self.server.backends.get(str(body.get("model")))
        if backend is None:
            raise ConfigError(
                f"model: found {body.get('model')!r}, allowed: {', '.join(self.server.backends)}; "
                f"choose one of them"
            )
        chat = _DOORS[self.path]
        sampling = payloads.sampling_of(body, chat=chat)
        if isinstance(backend, Teacher):
            time.sleep(backend.knobs.latency_s)
        if chat:
            generations = backend.chat(payloads.messages_of(body), sampling)
        else:
            wants = bool(body.get("echo")) or body.get("prompt_logprobs") is not None
            wants = wants or bool(body.get("return_token_ids"))
            top = body.get("prompt_logprobs")
            if top is not None:
                sampling = payloads.with_top(sampling, int(top))
            generations = [
                generation
                for prompt in payloads.prompts_of(body)
                for generation in backend.complete(prompt, sampling, score_prompt=wants)
            ]
        if cut:
            generations = [_cut(generation) for generation in generations]
        make = payloads.chat_response if chat else payloads.completion_response
        return make(body, generations)

    def _fail(self, fault: Fault) -> None:
        if fault == "500":
            self._send(500, payloads.error("internal error, on demand", "server_error"))
            return
        headers = {}
        if fault == "429-retry-after":
            headers["Retry-After"] = str(self.server.faults.retry_after_s)
        self._send(429, payloads.error("too many requests, on demand", "rate_limit"), headers)

    def _hang_up(self) -> None:
        """Close the connection without another word."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(
        self,
        status: int,
        body: Json,
        headers: Mapping[str, str] | None = None,
        *,
        truncated: bool = False,
    ) -> bool:
        """Send a JSON response; return whether all of it went out."""
        data = json.dumps(body, ensure_ascii=False).encode()
        if truncated:
            data = data[: len(data) // 2]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        return not truncated

    def _stream(self, body: Json, response: Json, fault: Fault | None) -> bool:
        """Send a response as server-sent events; return whether all of it went out."""
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        events = [json.dumps(c) for c in payloads.chunks(response, with_usage=usage)]
        if fault in ("drop", "truncated"):
            events = events[: len(events) // 2 + 1]
            if fault == "truncated":
                events[-1] = events[-1][: len(events[-1]) // 2]
        else:
            events.append("[DONE]")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        if fault == "drop":
            self._hang_up()
            return False
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True
        return fault != "truncated"


def _cut(generation: Generation) -> Generation:
    """Return the first half of an answer, which claims to be all of it."""
    half = len(generation.text) // 2
    kept = generation.completion_tokens // 2
    return Generation(
        text=generation.text[:half],
        finish_reason="stop",
        prompt_tokens=generation.prompt_tokens,
        completion_tokens=kept,
        tokens=None if generation.tokens is None else generation.tokens[:kept],
        prompt=generation.prompt,
        prompt_text=generation.prompt_text,
    )
