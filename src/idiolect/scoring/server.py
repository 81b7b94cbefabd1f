"""One server over HTTP: a question in, the text of an answer or the reason for none out.

Retries are those of the official client: too many requests, server errors and lost connections,
with growing pauses or as long as `Retry-After` says; any other refusal is final at once. The key
comes from OPENAI_API_KEY and goes into the request's header, nowhere else.
"""

import json
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idiolect.errors import BackendError
from idiolect.models.wires.address import base_url
from idiolect.scoring.dialects.base import Question, field

__all__ = ["Refusal", "ServedModel", "Server"]

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a server gave no answer."""

    status: int | None
    """Of HTTP; None where no answer arrived."""

    reason: str

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (None, 408, 409, 429) or not 400 <= self.status < 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that a server offers."""

    name: str
    max_length: int | None
    """Tokens that fit into the context; None where the server does not tell."""


class Server:
    """A server with an OpenAI-compatible interface.

    Args:
        url: Its base URL; `/v1` is added to a URL without a path.
        retries: How often a request is sent again.
        timeout_s: How long one request may take.

    Raises:
        ConfigError: the URL is none, or holds something that must not be recorded.
    """

    def __init__(self, url: str, *, retries: int = 5, timeout_s: float = 600.0) -> None:
        self.url = base_url(url, where="target.server")
        # The client takes a second to import.
        from openai import OpenAI, Timeout

        self._key = os.environ.get("OPENAI_API_KEY") or "none"
        self._client = OpenAI(
            base_url=self.url,
            api_key=self._key,
            max_retries=retries,
            timeout=Timeout(timeout_s, connect=10.0),
        )
        self._close = weakref.finalize(self, self._client.close)

    def close(self) -> None:
        """Give the connections back."""
        self._close()

    def model(self, name: str | None) -> ServedModel:
        """Return the model of a name, or the first that the server offers.

        Raises:
            BackendError: the server cannot be reached, or offers no such model.
        """
        answer = self._send("GET", "/models", None)
        if isinstance(answer, Refusal) and (answer.status is None or name is None):
            raise BackendError(
                f"{self.url}: does not say which models it has ({answer.reason}); start the "
                "server, check target.server, or name the model with target.server_model"
            )
        offered = field(answer, "data")
        models = offered if isinstance(offered, list) else []
        names = [str(field(model, "id")) for model in models]
        if name is None and not names:
            raise BackendError(
                f"{self.url}: lists no model; name it with target.server_model, or check that "
                "target.server is the base URL, e.g. http://localhost:8000/v1"
            )
        chosen = name or names[0]
        if names and chosen not in names:
            raise BackendError(
                f"{self.url}: has no model {chosen!r} (offers: {', '.join(names)}); change "
                "target.server_model"
            )
        entry = models[names.index(chosen)] if names else None
        length = field(entry, "max_model_len")
        return ServedModel(name=chosen, max_length=length if isinstance(length, int) else None)

    def ask(self, question: Question) -> object | Refusal:
        """Send a question; return the answer's JSON."""
        route = question.route
        if route.startswith("//"):
            route = self.url.removesuffix("/v1") + route[1:]
        return self._send("POST", route, question.body)

    def is_reachable(self) -> bool:
        """Return whether anything answers."""
        answer = self._send("GET", "/models", None)
        return not isinstance(answer, Refusal) or answer.status is not None

    def _send(self, method: str, route: str, body: Mapping[str, Any] | None) -> object | Refusal:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        try:
            if method == "GET":
                text = self._client.get(route, cast_to=str)
            else:
                text = self._client.post(route, cast_to=str, body=body)
        except APIStatusError as error:
            return Refusal(
                status=error.status_code,
                # Some servers repeat the key that they refuse.
                reason=f"HTTP {error.status_code}: "
                + _shown(error.response.text.replace(self._key, "***")),
            )
        except APITimeoutError:
            return Refusal(status=None, reason="no answer in time")
        except APIConnectionError as error:
            cause = error.__cause__ or error
            return Refusal(status=None, reason=f"no connection ({cause or type(cause).__name__})")
        try:
            return json.loads(text)
        except ValueError:
            return Refusal(status=200, reason=f"not JSON: {_shown(text)}")


def _shown(text: str) -> str:
    """Return what a person needs to see of an answer."""
    try:
        tree = json.loads(text)
    except ValueError:
        tree = None
    message = field(field(tree, "error"), "message") or field(tree, "message") or text
    line = " ".join(str(message).split())
    return line[:_SHOWN_CHARACTERS] + ("..." if len(line) > _SHOWN_CHARACTERS else "")
