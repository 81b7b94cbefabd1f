"""A small real HTTP server that scores with a tiny model and speaks every dialect and fault."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from idiolect.scoring.base import Score, ScoreRequest
from idiolect.scoring.plain import PlainScorer

Row = tuple[int, float | None, int | None]
"""Id, log-probability and rank of one position."""

FAULTS: dict[str, Callable[[list[Row]], list[Row]]] = {
    "shifted by one": lambda rows: [rows[0], *rows[:-1]],
    "shifted to the front": lambda rows: [*rows[1:], rows[-1]],
    "tokenised again": lambda rows: [*rows[:-3], (rows[-3][0] + 1, *rows[-3][1:]), *rows[-2:]],
    "one token missing": lambda rows: [*rows[:-3], *rows[-2:]],
    "cut off": lambda rows: rows[: len(rows) // 2],
    "positive": lambda rows: [*rows[:-3], (rows[-3][0], 1.0, 1), *rows[-2:]],
    "null": lambda rows: [*rows[:-3], (rows[-3][0], None, 1), *rows[-2:]],
    "not a number": lambda rows: [*rows[:-3], (rows[-3][0], float("nan"), 1), *rows[-2:]],
    "a stand-in": lambda rows: [*rows[:-3], (rows[-3][0], -9999.0, 1), *rows[-2:]],
    "text for a number": lambda rows: [*rows[:-3], (rows[-3][0], "-1.5", 1), *rows[-2:]],
}


class ScoringServer:
    """Answers like the server of a dialect.

    Dialects: `vllm`, `sglang`, `echo`, `echo-text` (takes no ids), `echo-shifted` (as
    llama-cpp-python without a begin of sequence), `none` (answers without log-probabilities).
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.dialect = "vllm"
        self.fault: Callable[[list[Row]], list[Row]] | None = None
        self.first_answers: list[tuple[int, dict[str, str]] | str] = []
        """Before normal ones: a status with headers, or `drop`."""

        self.every_answer: int | str | None = None
        self.wrong_text: str | None = None
        self.repeats_key = False
        self.moments: list[float] = []
        """When requests with a body arrived."""

        self.seen: list[tuple[str, Any]] = []
        self.keys: set[str] = set()
        self.max_length = model.max_length
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, route: str, body: Any) -> tuple[int, Any]:
        """Return status and JSON."""
        with self._lock:
            self.seen.append((route, body))
            if route == "/v1/models":
                return 200, {"data": [{"id": "tiny", "max_model_len": self.max_length}]}
            if route == "/generate" and self.dialect == "sglang":
                return 200, self._sglang(body)
            if route == "/v1/completions":
                return self._completions(body)
        return 404, {"error": {"message": f"there is no {route}"}}

    def _completions(self, body: Any) -> tuple[int, Any]:
        if self.dialect == "echo-text" and not isinstance(body["prompt"], str):
            return 422, {"error": {"message": "prompt: not a string"}}
        ids = self._ids(body["prompt"])
        if self.dialect == "vllm" and "prompt_logprobs" in body:
            return 200, self._vllm(ids)
        if self.dialect.startswith("echo") and body.get("echo"):
            return 200, self._echo(ids)
        return 200, {"choices": [{"text": " yes", "logprobs": None}]}

    def _ids(self, prompt: list[int] | str) -> list[int]:
        if not isinstance(prompt, str):
            return prompt
        ids = self.model.tokenizer.encode(prompt, add_special_tokens=False)
        # A model in llama.cpp's form knows whether it wants a begin of sequence.
        wants_bos = "bos_token" in self.model.chat.template
        return [self.model.tokenizer.bos_token_id, *ids] if wants_bos else ids

    def rows(self, ids: list[int], start: int = 0) -> list[Row]:
        """Return what is true of each position from `start` on, damaged by the fault."""
        request = ScoreRequest(
            prompt_ids=(ids[0],), response_ids=tuple(ids[1:]), terminator_id=None
        )
        (score,) = PlainScorer(self.model.module, 1 << 20).score([request])
        assert isinstance(score, Score)
        assert score.token_ranks is not None
        values = zip(ids[1:], (-score.token_nlls).tolist(), score.token_ranks.tolist(), strict=True)
        rows: list[Row] = [(ids[0], None, None), *values]
        rows = [(ids[start], None, None), *rows[start + 1 :]]
        return self.fault(rows) if self.fault else rows

    def _vllm(self, ids: list[int]) -> Any:
        entries = [
            None if value is None and place == 0 else {str(token): {"logprob": value, "rank": rank}}
            for place, (token, value, rank) in enumerate(self.rows(ids))
        ]
        return {
            "choices": [{"text": " yes", "prompt_logprobs": entries}],
            "usage": {"prompt_tokens": len(ids)},
        }

    def _sglang(self, body: Any) -> Any:
        ids, start = body["input_ids"], body["logprob_start_len"]
        triples = [[value, token, None] for token, value, _ in self.rows(ids, start)]
        return {"meta_info": {"prompt_tokens": len(ids), "input_token_logprobs": triples}}

    def _echo(self, ids: list[int]) -> Any:
        tokenizer = self.model.tokenizer
        with torch.inference_mode():
            logits = self.model.module(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        rows = self.rows(ids)
        drops_bos = ids[0] == tokenizer.bos_token_id
        best = [None, *logits[:-1].max(-1).values.tolist()]
        if self.dialect == "echo-shifted" and not drops_bos:
            rows = [(token, float(logits[i, token]), None) for i, token in enumerate(ids)]
            rows[0] = (ids[0], None, None)
            best = logits.max(-1).values.tolist()
        if drops_bos:
            rows, best = rows[1:], best[1:]
        specials = set(tokenizer.all_special_ids)
        texts = ["" if t in specials else tokenizer.decode([t]) for t, _, _ in rows]
        tops = [None if value is None else {"the best": value} for value in best]
        tops = (tops + [None] * len(texts))[: len(texts)]
        return {
            "choices": [
                {
                    "text": "...",
                    "logprobs": {
                        "tokens": [*texts, " yes"],
                        "token_logprobs": [*(value for _, value, _ in rows), -0.5],
                        "top_logprobs": [*tops, {" yes": -0.5}],
                    },
                }
            ],
            "usage": {"prompt_tokens": len(ids)},
        }


def _handler(server: ScoringServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*server.answer(self.path, None))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.moments.append(time.monotonic())
            server.keys.add(self.headers["authorization"])
            refusal = {"error": {"message": self.headers["authorization"]}}
            refusal = refusal if server.repeats_key else {"error": {"message": "no"}}
            scripted = server.first_answers.pop(0) if server.first_answers else server.every_answer
            if scripted == "drop":
                self.close_connection = True
            elif isinstance(scripted, int):
                self._send(scripted, refusal, {"retry-after-ms": "1"})
            elif isinstance(scripted, tuple):
                self._send(scripted[0], refusal, scripted[1])
            else:
                self._send(*server.answer(self.path, body))

        def _send(self, status: int, tree: Any, headers: dict[str, str] | None = None) -> None:
            text = json.dumps(tree) if server.wrong_text is None else server.wrong_text
            data = text.encode()
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
