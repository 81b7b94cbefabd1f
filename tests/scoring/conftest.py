"""A real server on this machine, backed by a tiny model."""

import pytest
from scoring_server import ScoringServer

from idiolect.scoring.endpoint import EndpointScorer, open_endpoint
from idiolect.scoring.server import Server


@pytest.fixture
def serve(load, monkeypatch):
    """Return a function that starts a server of a dialect with a tiny model."""
    # A proxy that the environment names is not asked for a server on this machine.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-tests")
    started: list[ScoringServer] = []

    def start(dialect: str = "vllm", style: str = "chatml", **options) -> ScoringServer:
        server = ScoringServer(load(style, **options))
        server.dialect = dialect
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def connect():
    """Return a function that finds out a server's dialect with the real code."""
    clients: list[Server] = []

    def open_(server: ScoringServer, *, retries: int = 0) -> EndpointScorer:
        client = Server(server.url, retries=retries, timeout_s=30.0)
        clients.append(client)
        return open_endpoint(client, server.model.tokenizer, server.model.chat)

    yield open_
    for client in clients:
        client.close()
