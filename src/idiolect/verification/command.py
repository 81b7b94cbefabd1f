"""Checks responses with a program of the user's own, over JSON lines."""

import dataclasses
import json
import os
import shlex
import shutil
from collections.abc import Sequence
from typing import Any, cast, get_args

from idiolect.errors import ConfigError
from idiolect.records import Example, Status
from idiolect.verification.base import Finding
from idiolect.verification.processes import Outcome, run_limited

__all__ = ["Command", "finding_from"]

_OUTPUT_BYTES = 256 * 1024 * 1024


class Command:
    """Runs a program once for each batch.

    It reads one JSON object a line (`id`, `messages`, `reference`, `answer`, `choices`,
    `metadata`, `response`) and writes one JSON object a line, in the same order:
    `{"status": "correct"}`, and `extracted`, `rule` and `detail` if it likes. It is started
    without a shell. It is the user's own program and runs outside of any sandbox.

    Args:
        command: the program and its arguments, as in a shell.
        timeout_s: for one batch; then the program is killed and its batch is an error.

    Raises:
        ConfigError: there is no such program.
    """

    def __init__(self, command: str, *, timeout_s: float = 600.0) -> None:
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"verifier command: {command!r} cannot be split: {error}") from error
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            program = self._arguments[0] if self._arguments else ""
            raise ConfigError(
                f"verifier command: found {program!r}, expected a program that can be run; "
                "give its path, or install it"
            )
        self._timeout_s = timeout_s
        self.name = f"command:{command}"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        if not pairs:
            return []
        lines = [json.dumps(_row(example, response)) for example, response in pairs]
        try:
            outcome = run_limited(
                self._arguments,
                ("\n".join(lines) + "\n").encode("utf-8"),
                wall_s=self._timeout_s,
                output_bytes=_OUTPUT_BYTES,
                env=os.environ,
            )
        except OSError as error:
            return [Finding(status="error", detail=f"could not be started: {error}")] * len(pairs)
        problem = self._problem(outcome)
        written = outcome.stdout.decode("utf-8", "replace").splitlines()
        if problem is None and len(written) != len(pairs):
            problem = f"wrote {len(written)} lines for {len(pairs)} responses"
        if problem is not None:
            return [Finding(status="error", rule="command", detail=problem)] * len(pairs)
        return [_finding(line) for line in written]

    def _problem(self, outcome: Outcome) -> str | None:
        if outcome.timed_out:
            return f"timeout: no end within {self._timeout_s:g} s"
        if outcome.flooded:
            return f"wrote more than {_OUTPUT_BYTES} bytes"
        if outcome.exit_code != 0:
            said = outcome.stderr.decode("utf-8", "replace").strip()[-300:]
            return f"ended with exit code {outcome.exit_code}: {said}"
        return None


def _row(example: Example, response: str) -> dict[str, Any]:
    return {
        "id": example.id,
        "messages": [dataclasses.asdict(message) for message in example.messages],
        "reference": example.reference,
        "answer": example.answer,
        "choices": example.choices,
        "metadata": dict(example.metadata),
        "response": response,
    }


def _finding(line: str) -> Finding:
    try:
        value = json.loads(line)
    except ValueError:
        return Finding(status="error", rule="command", detail=f"no JSON: {line[:200]!r}")
    return finding_from(value, rule="command")


def finding_from(value: object, *, rule: str) -> Finding:
    """Return the finding that a user's checker means.

    True, False and None mean correct, incorrect and unchecked; a text is a status; an object
    has `status` and may have `extracted`, `rule` and `detail`. Anything else is an error.
    """
    if isinstance(value, Finding):
        return value
    fields: dict[str, Any] = {}
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        value = fields.get("status")
    if value is None and not fields:
        return Finding(status="unchecked", rule=rule)
    if isinstance(value, bool):
        value = "correct" if value else "incorrect"
    if value not in get_args(Status):
        allowed = ", ".join(get_args(Status))
        return Finding(
            status="error", rule=rule, detail=f"found status {value!r}, expected one of {allowed}"
        )
    return Finding(
        status=cast("Status", value),
        extracted=_text(fields.get("extracted")),
        rule=_text(fields.get("rule")) or rule,
        detail=_text(fields.get("detail")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
