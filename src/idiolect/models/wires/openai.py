"""Servers that speak OpenAI's chat completions, over the official client.

`POST /chat/completions`, without streaming. Newer models of the provider call the limit
`max_completion_tokens` and take no temperature; other servers know neither the one nor a seed.
What an error names is renamed or left out, once, and remembered.
"""

from typing import Any

from idiolect.models.base import GenerationRequest
from idiolect.models.wires.base import Answer, Refusal, Usage, count, entry, line
from idiolect.models.wires.sdk import SDKWire, named, read_body, refused_parameter

__all__ = ["OpenAIWire"]

# Some servers take no seed that does not fit into 32 bits with a sign.
_SEEDS = 1 << 31
_LIMITS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}


class OpenAIWire(SDKWire):
    """A server with an OpenAI-compatible interface.

    Args:
        model: Its name on the server.
        url: Base URL, with `/v1`.
        key: API key.
        timeout_s: How long one answer may take.
    """

    def __init__(self, model: str, *, url: str, key: str, timeout_s: float) -> None:
        # The client takes a second to import.
        import openai

        client = openai.AsyncOpenAI(
            base_url=url,
            api_key=key,
            max_retries=0,
            timeout=openai.Timeout(timeout_s, connect=min(10.0, timeout_s)),
        )
        super().__init__(openai, client, model=model, url=url, key=key)
        # The provider's own name for it, which others do not all know yet.
        own = url.startswith("https://api.openai.com/")
        self._limit = "max_completion_tokens" if own else "max_tokens"
        self._renamed = False

    async def ask(self, request: GenerationRequest) -> Answer | Refusal:
        """Send one request; again at once where a parameter of it is not known there."""
        while True:
            body = self._body(request)
            reply = await self._post("/chat/completions", body)
            if isinstance(reply, str):
                return _read(reply)
            if not self._adjust(reply, body):
                return reply

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        # What can be left out stands in the order in which it is given up.
        body: dict[str, Any] = {
            "seed": request.seed % _SEEDS,
            "top_p": sampling.top_p,
            "temperature": sampling.temperature,
            self._limit: sampling.max_new_tokens,
        }
        if sampling.top_p == 1.0:
            del body["top_p"]
        for name in self._left_out:
            body.pop(name, None)
        return body | {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        }

    def _adjust(self, refusal: Refusal, body: dict[str, Any]) -> bool:
        """Learn what the server does not take; return whether the request is worth sending."""
        droppable = {name: body[name] for name in body if name not in ("model", "messages")}
        name = refused_parameter(refusal, droppable)
        if name is None:
            return False
        if name not in _LIMITS:
            self._left_out[name] = None
        elif name == self._limit:
            if self._renamed:
                return False
            self._limit, self._renamed = _LIMITS[name], True
        return True


def _read(text: str) -> Answer | Refusal:
    """Read the body of a successful response."""
    tree = read_body(text)
    if isinstance(tree, Refusal):
        return tree
    if (error := entry(tree, "error")) is not None:
        said = line(str(entry(error, "message") or error))
        return Refusal(reason=f"an error instead of an answer: {said}", status=200, retry=True)
    told = entry(tree, "usage")
    usage = Usage(
        tokens_in=count(told, "prompt_tokens"), tokens_out=count(told, "completion_tokens")
    )
    choices = entry(tree, "choices")
    if not isinstance(choices, list) or not choices:
        return Refusal(
            reason="the answer has no choices", status=200, retry=True, bill="paid", usage=usage
        )
    why = _unusable(choices[0])
    if why is not None:
        return Refusal(reason=why, status=200, bill="paid", usage=usage)
    return Answer(
        text=_content(choices[0]),
        stopped="length" if entry(choices[0], "finish_reason") == "length" else "stop",
        usage=usage,
        model=named(tree),
    )


def _unusable(choice: object) -> str | None:
    finish = entry(choice, "finish_reason")
    if finish == "content_filter":
        return "the server's content filter stopped the answer"
    if refusal := entry(entry(choice, "message"), "refusal"):
        return f"the model refused: {line(str(refusal))}"
    if finish in ("tool_calls", "function_call"):
        return "the model called a tool, and there is none"
    return None


def _content(choice: object) -> str:
    """Return the text; some servers send it in parts."""
    content = entry(entry(choice, "message"), "content")
    if isinstance(content, list):
        return "".join(str(entry(part, "text") or "") for part in content)
    return content if isinstance(content, str) else ""
