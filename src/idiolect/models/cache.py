"""Answers that were paid for, kept for every run on this machine.

One SQLite file, keyed by the whole request: address, model, messages, sampling and seed. An
answer is written the moment it arrives, and so is a refusal that was paid for and would come
again. Only texts and counts are kept, as JSON; no key, no prompt.
"""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path

from idiolect.errors import StorageError
from idiolect.models.base import GenerationRequest
from idiolect.models.wires.base import Answer, Refusal, Usage, count, entry

__all__ = ["ResponseCache", "cache_folder", "request_key"]

# Raised when the same key would hold something else than before.
_VERSION = 1
_BUSY_S = 30.0
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return IDIOLECT_CACHE_DIR, or the user's cache folder of this platform."""
    import platformdirs

    chosen = os.environ.get("IDIOLECT_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("idiolect", False)


def request_key(kind: str, url: str, model: str, request: GenerationRequest) -> str:
    """Return a hash of everything that decides an answer.

    Args:
        kind: The protocol.
        url: Base URL.
        model: Name on the server.
        request: What is asked, its seed included, so that samples of one prompt differ.
    """
    sampling = request.sampling
    parts = {
        "version": _VERSION,
        "kind": kind,
        "url": url,
        "model": model,
        "messages": [[message.role, message.content] for message in request.messages],
        "sampling": [sampling.temperature, sampling.top_p, sampling.max_new_tokens],
        "seed": request.seed,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class ResponseCache:
    """Answers by request. Many processes may use one file at once.

    Args:
        folder: Where the file `responses.sqlite` is; made if missing.

    Raises:
        StorageError: the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "responses.sqlite"
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rows = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._rows.execute("PRAGMA journal_mode=WAL")
                self._rows.execute("PRAGMA synchronous=NORMAL")
                self._rows.execute(
                    "CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, model TEXT "
                    "NOT NULL, answer TEXT NOT NULL, time REAL NOT NULL) WITHOUT ROWID"
                )
                self.get("")
            except BaseException:
                self._rows.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None

    def get(self, key: str) -> Answer | Refusal | None:
        """Return the answer to a request, or its refusal; None where there is neither.

        Raises:
            StorageError: the file cannot be read.
        """
        try:
            with self._lock:
                row = self._rows.execute(
                    "SELECT answer FROM responses WHERE key = ?", (key,)
                ).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        return None if row is None else _read(row[0])

    def put(self, key: str, reply: Answer | Refusal) -> None:
        """Keep a reply. Where the disk refuses it, say so and go on: it is paid for."""
        tree: dict[str, object] = {
            "tokens_in": reply.usage.tokens_in,
            "tokens_out": reply.usage.tokens_out,
        }
        model = reply.model or "" if isinstance(reply, Answer) else ""
        if isinstance(reply, Answer):
            tree |= {"text": reply.text, "stopped": reply.stopped, "model": reply.model}
        else:
            tree |= {"refused": reply.reason, "status": reply.status}
        row = (key, model, json.dumps(tree), time.time())
        try:
            with self._lock:
                self._rows.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            _log.warning("%s: an answer could not be kept (%s)", self.path, error)

    def close(self) -> None:
        """Close the file."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._rows.close()

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(
            f"{self.path}: the response cache cannot be used ({error}); delete or move the file, "
            "set IDIOLECT_CACHE_DIR to another folder, or switch the cache off with "
            "teacher.cache=false"
        )


def _read(text: str) -> Answer | Refusal | None:
    """Read what was kept; a row that is no reply is as good as none."""
    try:
        tree = json.loads(text)
    except ValueError:
        return None
    usage = Usage(tokens_in=count(tree, "tokens_in"), tokens_out=count(tree, "tokens_out"))
    if isinstance(reason := entry(tree, "refused"), str):
        return Refusal(reason=reason, status=count(tree, "status"), bill="paid", usage=usage)
    body, stopped, model = (entry(tree, name) for name in ("text", "stopped", "model"))
    if not isinstance(body, str) or stopped not in ("stop", "length"):
        return None
    return Answer(
        text=body,
        stopped="length" if stopped == "length" else "stop",
        usage=usage,
        model=model if isinstance(model, str) else None,
    )
