"""Scores over a server that holds the weights: vLLM, SGLang, or one that echoes the prompt.

Ids are sent, and ids (or texts) come back beside the log-probabilities; an answer that is not
one to the question is a failure, never a number. How the server wants to be asked is found out
with a probe, which is also asked twice, for the noise.

Requests are sent by a few threads at once: `score` can then be called from anywhere, also where
an event loop is running (a notebook).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from idiolect.chat import ChatFormat
from idiolect.errors import BackendError
from idiolect.records import Message
from idiolect.scoring import planner
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest, invalid
from idiolect.scoring.dialects.base import Dialect, Question, Reading, WrongAnswer
from idiolect.scoring.dialects.echo import EchoDialect, rows_are_shifted
from idiolect.scoring.dialects.sglang import SglangDialect
from idiolect.scoring.dialects.vllm import VllmDialect
from idiolect.scoring.server import Refusal, ServedModel, Server

__all__ = ["EndpointScorer", "open_endpoint"]

_BATCH_TOKENS = 32768
_CONCURRENCY = 16
# Servers compute in bf16 unless told otherwise, and do not tell.
_NOISE_FLOOR_NATS = 0.02
# Probes of an echoing server that differ in their last token.
_LAST_TOKENS = 4
# The key is wrong or the model is gone: no row can succeed.
_FATAL = (401, 403, 404)


class EndpointScorer:
    """Scores over a server.

    Args:
        server: Where the weights are.
        dialect: How the server is asked; `open_endpoint` finds it out.
        model: The model on the server.
        noise: Nats per token.
        reason: What the dialect was chosen for.
        concurrency: Requests that are under way at once.
    """

    def __init__(
        self,
        server: Server,
        dialect: Dialect,
        *,
        model: ServedModel,
        noise: float,
        reason: str,
        concurrency: int = _CONCURRENCY,
    ) -> None:
        self._server = server
        self._dialect = dialect
        self._noise = noise
        self._concurrency = concurrency
        self.model = model
        self.reason = reason

    @property
    def path(self) -> str:
        """`server`, with its dialect and base URL."""
        return f"server ({self._dialect.name}, {self._server.url})"

    @property
    def noise(self) -> float:
        """Nats per token."""
        return self._noise

    def batches(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """Divide requests by prompt into batches that keep the server busy."""
        return planner.batches(requests, _BATCH_TOKENS, branching=False)

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        """Score one batch.

        Raises:
            BackendError: the server is gone, or refuses every request.
        """
        limit = self.model.max_length or 1 << 30
        results: dict[int, Score | ScoreFailure] = {
            index: failure
            for index, request in enumerate(requests)
            if (failure := invalid(request, limit)) is not None
        }
        answers: dict[int, object | Refusal | WrongAnswer] = {}
        for wave in self._waves(requests, [i for i in range(len(requests)) if i not in results]):
            found = self._ask([requests[index] for index in wave])
            answers.update(zip(wave, found, strict=True))
        self._check_alive(list(answers.values()))
        for index, answer in answers.items():
            results[index] = _result(self._dialect, answer, requests[index])
        return [results[index] for index in range(len(requests))]

    def _waves(
        self, requests: Sequence[ScoreRequest], indices: Sequence[int]
    ) -> Iterator[list[int]]:
        """Yield what is sent together.

        A server that shares prompts gets one response of each first: simultaneous ones would
        all miss its cache.
        """
        if not indices or not self._dialect.shares_prompts:
            yield list(indices)
            return
        leaders = {requests[index].prompt_ids: index for index in reversed(indices)}
        first = sorted(leaders.values())
        yield first
        yield sorted(set(indices) - set(first))

    def _ask(self, requests: Sequence[ScoreRequest]) -> list[object | Refusal | WrongAnswer]:
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="idiolect-score")
        try:
            return list(pool.map(self._ask_one, requests))
        finally:
            # Also when somebody interrupts: what is not yet sent is not sent any more.
            pool.shutdown(cancel_futures=True)

    def _ask_one(self, request: ScoreRequest) -> object | Refusal | WrongAnswer:
        try:
            question = self._dialect.question(request)
        except WrongAnswer as error:
            return error
        return self._server.ask(question)

    def _check_alive(self, answers: Sequence[object]) -> None:
        """Stop where every further row would fail: rows that are done are kept by the run."""
        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        for refusal in refusals:
            if refusal.status in _FATAL:
                raise BackendError(
                    f"{self._server.url}: refuses requests ({refusal.reason}); check "
                    "OPENAI_API_KEY and target.server_model, then start the same command again"
                )
        lost = [refusal for refusal in refusals if refusal.status is None]
        if lost and len(lost) == len(answers) and not self._server.is_reachable():
            raise BackendError(
                f"{self._server.url}: cannot be reached any more ({lost[0].reason}); start the "
                "server, then the same command again: what is scored is kept"
            )


def open_endpoint(
    server: Server, tokenizer: Any, chat: ChatFormat, model: str | None = None
) -> EndpointScorer:
    """Find out how a server is asked for log-probabilities.

    Args:
        server: An OpenAI-compatible server.
        tokenizer: The target's.
        chat: The target's template, with that tokenizer.
        model: Name on the server; None takes its first.

    Raises:
        BackendError: the server cannot be reached or refuses the key, or it gives no
            log-probabilities of a prompt that can be trusted.
    """
    served = server.model(model)
    probe = _probe(chat)
    refused: list[str] = []
    has_bos = probe.prompt_ids[0] == tokenizer.bos_token_id

    def echo(*, as_text: bool) -> EchoDialect:
        return EchoDialect(
            model=served.name, tokenizer=tokenizer, as_text=as_text, needs_bos=has_bos
        )

    dialects: tuple[tuple[str, Dialect], ...] = (
        ("vLLM prompt_logprobs", VllmDialect(model=served.name)),
        ("vLLM prompt_logprobs=1", VllmDialect(model=served.name, alternatives=1)),
        ("SGLang /generate", SglangDialect()),
        ("echo of ids", echo(as_text=False)),
        ("echo of text", echo(as_text=True)),
    )
    for label, dialect in dialects:
        try:
            readings = [_read(server, dialect, probe) for _ in range(2)]
            _check_probe(server, dialect, probe, readings[0])
        except WrongAnswer as error:
            refused.append(f"{label}: {error}")
            continue
        repeat = float(np.abs(np.subtract(readings[0].logprobs, readings[1].logprobs)).mean())
        return EndpointScorer(
            server,
            dialect,
            model=served,
            noise=max(_NOISE_FLOOR_NATS, repeat),
            reason=f"model {served.name}; token ids agree; a probe asked twice differs by "
            f"{repeat:.0e} nats/token",
        )
    raise BackendError(
        f"{server.url}: model {served.name!r} gives no log-probabilities of prompt tokens that "
        f"can be used. Asked as: {'; '.join(refused)}. Servers that can: vLLM, SGLang, and "
        "llama.cpp behind llama-cpp-python with echo. A closed API cannot score: it does not "
        "show what it thinks of a given text. Serve the weights with one of these, or load them "
        "here by leaving out target.server"
    )


def _probe(chat: ChatFormat) -> ScoreRequest:
    """Return a request like those that will come, with the template's own special tokens."""
    messages = (Message(role="user", content="Which colours does the flag of France have?"),)
    return ScoreRequest(
        prompt_ids=chat.prompt_ids(messages),
        response_ids=chat.response_ids("It has three: blue, white and red, from left to right."),
        terminator_id=chat.terminator_id,
    )


def _read(server: Server, dialect: Dialect, request: ScoreRequest) -> Reading:
    return dialect.read(_answer(server, dialect.question(request)), request)


def _answer(server: Server, question: Question) -> object:
    answer = server.ask(question)
    if not isinstance(answer, Refusal):
        return answer
    if answer.status in (None, 401, 403, 429):
        raise BackendError(
            f"{server.url}: does not answer ({answer.reason}); check the server, and "
            "OPENAI_API_KEY where it wants a key"
        )
    raise WrongAnswer(answer.reason)


def _check_probe(server: Server, dialect: Dialect, probe: ScoreRequest, reading: Reading) -> None:
    """Look for wrong numbers behind right tokens."""
    if len(set(reading.logprobs)) == 1:
        raise WrongAnswer(f"every log-probability is {reading.logprobs[0]}: a stand-in")
    if not isinstance(dialect, EchoDialect):
        return
    best: list[float] = []
    for last in sorted(set(probe.response_ids))[:_LAST_TOKENS]:
        request = replace(probe, terminator_id=last)
        answer = _answer(server, dialect.question(request))
        dialect.read(answer, request)
        best.append(dialect.best_of_last_row(answer, request))
    if rows_are_shifted(best):
        raise WrongAnswer(
            "the rows are shifted by one: the log-probability of a token was computed from that "
            "token (llama-cpp-python does so where the prompt has no begin-of-sequence token)"
        )


def _result(
    dialect: Dialect, answer: object | Refusal | WrongAnswer, request: ScoreRequest
) -> Score | ScoreFailure:
    if isinstance(answer, WrongAnswer):
        return ScoreFailure(reason=str(answer), retryable=False)
    if isinstance(answer, Refusal):
        return ScoreFailure(reason=f"the server: {answer.reason}", retryable=answer.retryable)
    try:
        reading = dialect.read(answer, request)
    except WrongAnswer as error:
        # The row may be as it should be, so another try is worth it.
        return ScoreFailure(reason=f"the server's answer: {error}", retryable=True)
    ranks = None if reading.ranks is None else np.array(reading.ranks, dtype=np.int64)
    nlls = -np.array(reading.logprobs, dtype=np.float64)
    return Score.from_targets(nlls + 0.0, ranks, request)
