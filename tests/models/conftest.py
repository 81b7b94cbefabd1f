"""Servers that answer as a script says, and a cache of its own for each test."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from endpoints import open_model


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """Keep answers away from the user's own cache, and the user's settings away from the test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


class ScriptedServer:
    """Answers each POST with what a function makes of its body: status, headers and body."""

    def __init__(self, answer: Callable[[Any], tuple[int, dict[str, str], Any]]) -> None:
        self.seen: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, answer))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: ScriptedServer, answer: Any) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.seen.append(body)
                server.paths.append(self.path)
                server.headers.append({k.lower(): v for k, v in self.headers.items()})
            status, headers, tree = answer(body)
            data = (tree if isinstance(tree, str) else json.dumps(tree)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


@pytest.fixture
def scripted():
    """Return a function that starts a server from a function, or from replies in order."""
    servers: list[ScriptedServer] = []

    def start(answer: Any) -> ScriptedServer:
        if isinstance(answer, list):
            replies = iter(answer)
            answer = lambda body: next(replies)  # noqa: E731
        servers.append(ScriptedServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def opened():
    """Return a function that opens a model behind a server, and closes it after the test."""
    models: list[Any] = []

    def make(server: Any, **options: Any) -> Any:
        models.append(open_model(server, **options))
        return models[-1]

    yield make
    for model in models:
        model.close()
