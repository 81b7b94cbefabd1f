"""The scripted teacher as a model in this process: no server, no key, no wait but its own."""

import dataclasses
import time
from collections.abc import Iterator, Sequence

from idiolect.lab.teacher.knobs import Knobs
from idiolect.lab.teacher.script import reply
from idiolect.lab.tokens import split
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, invalid

__all__ = ["ScriptedTeacher"]

SCRIPT = 2
"""Raised when the same request would get another reply than before."""


class ScriptedTeacher:
    """Answers as `lab:teacher`. Temperature is ignored; the seed tells samples apart."""

    def __init__(self, knobs: Knobs | None = None) -> None:
        self._knobs = knobs or Knobs()

    @property
    def name(self) -> str:
        """The name that the model was asked for by."""
        return "lab:teacher"

    @property
    def revision(self) -> str | None:
        """The version of the script, and the knobs that change what it says."""
        turned = [
            f"{field.name}={value}"
            for field in dataclasses.fields(Knobs)
            if field.name != "latency_s"
            and (value := getattr(self._knobs, field.name)) != field.default
        ]
        return ", ".join([f"script-{SCRIPT}", *turned])

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        """Yield one result for each request, in order; a `prefix` is one of its failures."""
        for request in requests:
            if (reason := invalid(request)) is not None:
                yield GenerationFailure(reason=reason, retryable=False)
                continue
            if request.prefix:
                yield GenerationFailure(
                    reason="lab:teacher cannot continue a given start of an answer; use a target",
                    retryable=False,
                )
                continue
            time.sleep(self._knobs.latency_s)
            pieces = split(reply(request.messages, self._knobs, sample=request.seed))
            kept = pieces[: request.sampling.max_new_tokens]
            yield Generation(
                text="".join(kept),
                finish_reason="stop" if len(kept) == len(pieces) else "length",
                token_ids=None,
                tokens_in=sum(len(split(m.content)) for m in request.messages),
                tokens_out=len(kept),
            )
