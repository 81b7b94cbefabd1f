"""The lab's teacher behind a real server on this machine."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from idiolect.config import PriceConfig, TeacherConfig
from idiolect.lab.serving import LabServer, backend, running
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Model
from idiolect.models.registry import open_teacher

__all__ = ["TEACHER", "teacher_over_http"]

TEACHER = "lab:teacher"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """A model behind a port that differs from run to run; its name, and so the run, does not."""

    model: Model
    name: str
    revision: str | None = None

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        return self.model.generate(requests)


@contextmanager
def teacher_over_http() -> Generator[Model]:
    """Serve the lab's teacher on a free port, and give a client of it. Its answers are free."""
    server = LabServer({TEACHER: backend(TEACHER)}, host=_HOST, port=0)
    with running(server), _without_proxy():
        client = open_teacher(
            # What the machine's cache answered would not have been asked.
            TeacherConfig(f"openai:{TEACHER}@{server.url}", cache=False),
            prices={TEACHER: PriceConfig(input_usd_per_million=0, output_usd_per_million=0)},
        )
        try:
            yield _Served(model=client, name=f"{TEACHER} over HTTP")
        finally:
            getattr(client, "close", lambda: None)()


@contextmanager
def _without_proxy() -> Generator[None]:
    """Let no proxy of the environment stand before a server of this process."""
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    try:
        for name, value in before.items():
            os.environ[name] = f"{value},{_HOST}" if value else _HOST
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
