"""One request over an official client, and what its refusal means.

The clients of both providers are made by the same generator, so that one file speaks to both.
Their own retries are off: what can succeed on retry is retried above, where the pace is kept.
"""

import email.utils
import json
import re
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from idiolect.models.wires.base import Refusal, entry, line

__all__ = ["SDKWire", "named", "read_body", "refused_parameter"]

_BUSY = (429, 503, 529)
_LATER = (408, 409, 425, *_BUSY)
_NEVER = (501, 505)
# A proxy gave up waiting: the server behind it may have written the answer all the same.
_LOST = (408, 504, 524)
_FATAL = (401, 402, 404)
_NO_CREDIT = re.compile(r"insufficient_quota|billing|credit balance|spend(ing)? limit", re.I)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|n[o']t support|not permitted|extra (inputs|fields)|extra_forbidden"
    r"|unrecogni[sz]ed|unknown|unexpected|deprecated|cannot both|no longer|only the default"
    r"|may only be set|not allowed|not available",
    re.I,
)


class SDKWire:
    """What the wires over both clients have in common.

    Args:
        sdk: `openai` or `anthropic`.
        client: An async client of it.
        model: Its name on the server.
        url: Base URL.
        key: API key, which some servers repeat in what they say.
    """

    def __init__(self, sdk: ModuleType, client: Any, *, model: str, url: str, key: str) -> None:
        self._sdk, self._client = sdk, client
        self._model, self._url, self._key = model, url, key
        self._left_out: dict[str, None] = {}

    @property
    def url(self) -> str:
        """Base URL."""
        return self._url

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server did not accept as it was asked for, one sentence each."""
        return tuple(f"{self._model} takes no {name}; its own is used" for name in self._left_out)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _post(self, route: str, body: Mapping[str, Any]) -> str | Refusal:
        """Send a request once; return the text of a successful answer."""
        sdk = self._sdk
        try:
            return await self._client.post(route, cast_to=str, body=body)
        except sdk.APIStatusError as error:
            reply = error.response
            return _refusal(error.status_code, reply.headers, reply.text, self._key)
        except sdk.APITimeoutError:
            return Refusal(reason="no answer in time", retry=True, bill="lost")
        except sdk.APIConnectionError as error:
            cause = error.__cause__ or error
            connected = "Connect" not in type(cause).__name__
            return Refusal(
                reason=f"no connection ({line(str(cause)) or type(cause).__name__})",
                retry=True,
                bill="lost" if connected else "none",
            )
        except UnicodeError:
            return Refusal(reason="the prompt holds characters that are not valid Unicode")


def read_body(text: str) -> object | Refusal:
    """Return the JSON of a successful answer's body."""
    try:
        return json.loads(text)
    except ValueError:
        return Refusal(
            reason=f"the answer is not JSON: {line(text)}", status=200, retry=True, bill="paid"
        )


def named(tree: object) -> str | None:
    """Return which model the body of an answer says has answered."""
    model = entry(tree, "model")
    return model if isinstance(model, str) else None


def refused_parameter(refusal: Refusal, names: Mapping[str, Any]) -> str | None:
    """Return which parameter the server does not know or support; None where it names none.

    A value out of range is no such case: it is the user's to correct.

    Args:
        refusal: What the server said.
        names: Parameters that can be left out, in the order in which they are given up.
    """
    if refusal.status not in (400, 422):
        return None
    error = entry(_json(refusal.body), "error")
    if "unsupported" in str(entry(error, "code")) and entry(error, "param") in names:
        return str(entry(error, "param"))
    if not _UNSUPPORTED.search(refusal.body):
        return None
    found = (name for name in names if re.search(rf"(?<![\w-]){name}(?![\w-])", refusal.body))
    return next(found, None)


def _refusal(status: int, headers: Mapping[str, str], text: str, key: str) -> Refusal:
    text = text.replace(key, "***") if len(key) > 4 else text
    broke = status in (400, 403, 429) and bool(_NO_CREDIT.search(text))
    return Refusal(
        reason=f"HTTP {status}: {_said(text)}",
        status=status,
        retry=not broke and (status in _LATER or (status >= 500 and status not in _NEVER)),
        busy=status in _BUSY and not broke,
        fatal=broke or status in _FATAL,
        retry_after_s=_retry_after_s(headers),
        bill="lost" if status in _LOST else "none",
        body=text,
    )


def _said(text: str) -> str:
    """Return the message in an error's body, or the body."""
    tree = _json(text)
    message = entry(entry(tree, "error"), "message") or entry(tree, "message")
    return line(str(message or entry(tree, "error") or entry(tree, "detail") or text))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, in seconds or as a date (RFC 9110, §10.2.3), or its cousin in ms."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    try:
        when = email.utils.parsedate_to_datetime(headers["retry-after"])
        return max(0.0, when.timestamp() - time.time())
    except (KeyError, ValueError):
        return None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
