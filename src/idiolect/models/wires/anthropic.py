"""Anthropic's Messages API, over the official client (extra `anthropic`).

`POST /v1/messages`, without streaming. There is no seed: samples of one prompt are told apart by
the cache alone. Newer models take no temperature; what an error names is left out, and remembered.
"""

from typing import Any

from idiolect.errors import MissingExtra
from idiolect.models.base import GenerationRequest
from idiolect.models.wires.base import Answer, Refusal, Usage, count, entry
from idiolect.models.wires.sdk import SDKWire, named, read_body, refused_parameter

__all__ = ["AnthropicWire"]

_LIMITED = ("max_tokens", "model_context_window_exceeded")


class AnthropicWire(SDKWire):
    """A server that speaks the Messages API.

    Args:
        model: Its name on the server.
        url: Base URL, without `/v1`.
        key: API key.
        timeout_s: How long one answer may take.

    Raises:
        MissingExtra: the package `anthropic` is not installed.
    """

    def __init__(self, model: str, *, url: str, key: str, timeout_s: float) -> None:
        try:
            import anthropic
        except ImportError:
            raise MissingExtra("anthropic", "anthropic", "a model of Anthropic's") from None

        client = anthropic.AsyncAnthropic(
            base_url=url,
            api_key=key,
            max_retries=0,
            timeout=anthropic.Timeout(timeout_s, connect=min(10.0, timeout_s)),
            open_telemetry=False,
        )
        super().__init__(anthropic, client, model=model, url=url, key=key)

    async def ask(self, request: GenerationRequest) -> Answer | Refusal:
        """Send one request; again at once where a parameter of it is not known there."""
        while True:
            body = self._body(request)
            reply = await self._post("/v1/messages", body)
            if isinstance(reply, str):
                return _read(reply)
            droppable = {name: body[name] for name in ("top_p", "temperature") if name in body}
            name = refused_parameter(reply, droppable)
            if name is None:
                return reply
            self._left_out[name] = None

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "messages": [
                {"role": m.role, "content": m.content}
                for m in request.messages
                if m.role != "system"
            ],
        }
        if sampling.top_p != 1.0:
            body["top_p"] = sampling.top_p
        if system := "\n\n".join(m.content for m in request.messages if m.role == "system"):
            body["system"] = system
        return {name: value for name, value in body.items() if name not in self._left_out}


def _read(text: str) -> Answer | Refusal:
    """Read the body of a successful response."""
    tree = read_body(text)
    if isinstance(tree, Refusal):
        return tree
    told = entry(tree, "usage")
    usage = Usage(tokens_in=_tokens_in(told), tokens_out=count(told, "output_tokens"))
    blocks = entry(tree, "content")
    if not isinstance(blocks, list):
        return Refusal(
            reason="the answer has no content", status=200, retry=True, bill="paid", usage=usage
        )
    stopped = entry(tree, "stop_reason")
    if stopped == "refusal":
        return Refusal(reason="the model refused", status=200, bill="paid", usage=usage)
    if stopped == "tool_use":
        reason = "the model called a tool, and there is none"
        return Refusal(reason=reason, status=200, bill="paid", usage=usage)
    return Answer(
        text="".join(str(entry(b, "text") or "") for b in blocks if entry(b, "type") == "text"),
        stopped="length" if stopped in _LIMITED else "stop",
        usage=usage,
        model=named(tree),
    )


def _tokens_in(told: object) -> int | None:
    """Return all tokens of the prompt; those that a cache held are counted apart there."""
    plain = count(told, "input_tokens")
    if plain is None:
        return None
    kept = ("cache_read_input_tokens", "cache_creation_input_tokens")
    return plain + sum(count(told, name) or 0 for name in kept)
