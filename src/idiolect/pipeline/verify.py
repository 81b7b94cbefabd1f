"""`verify`: check every response of a dataset; no model is loaded."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import Config
from idiolect.data.read import read_dataset
from idiolect.models.money import Money
from idiolect.pipeline.checking import judge_of, need_verifier
from idiolect.pipeline.responses import named_responses
from idiolect.records import Example, Status
from idiolect.runs.manifest import write_atomically
from idiolect.runs.progress import Progress, ProgressSink, ignore_progress
from idiolect.verification.base import Finding, Verifier
from idiolect.verification.self_test import SelfTest, require_references, self_test

__all__ = ["StrategyVerdicts", "Verification", "verify"]

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyVerdicts:
    """How the responses of one strategy were judged."""

    strategy: str
    n: int
    counts: dict[Status, int]

    @property
    def judged(self) -> int:
        """Responses that count: neither unchecked nor failed on our side."""
        return sum(self.counts.get(s, 0) for s in ("correct", "incorrect", "unparsable"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found, for the screen and for programs."""

    output: Path
    verifier: str
    reason: str
    """Why this verifier."""

    strategies: tuple[StrategyVerdicts, ...]
    references: SelfTest
    mapping: tuple[str, ...]
    bad_rows: tuple[str, ...]
    seconds: float


def verify(
    config: Config,
    output: str | Path,
    *,
    responses: Sequence[str] = ("all",),
    confirm_run_unsafe_code: bool = False,
    allow_failing_references: bool = False,
    report: ProgressSink = ignore_progress,
) -> Verification:
    """Check responses and write one row for each.

    Args:
        config: `data` and `verifier` count; without a verifier the data decide.
        output: The JSONL file to write, all at once at the end.
        responses: `all`, or names: `reference`, `label` and the names of response columns.
        confirm_run_unsafe_code: Lets `code` run generated programs in a sandbox.
        allow_failing_references: Go on where less than 98 % of the references verify.
        report: Is told how far the work is.

    Raises:
        ConfigError: A name is unknown, or the data hold nothing to check against.
        DataError: The data cannot be read, or too few references verify.
    """
    began = time.monotonic()
    dataset = read_dataset(config.data)
    examples = dataset.examples
    names = named_responses(dataset, responses)
    verifier, reason = need_verifier(
        config,
        dataset,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
        judge=judge_of(config, Money(config.max_cost), ask_again=True),
    )
    tested = self_test(verifier, examples)
    if not allow_failing_references:
        require_references(tested)
    work = [
        (example, name, text)
        for example in examples
        for name in names
        if (text := _text(example, name)) is not None
    ]
    findings = _check(verifier, work, report)
    lines = (
        json.dumps(_row(example, name, finding), ensure_ascii=False)
        for (example, name, _), finding in zip(work, findings, strict=True)
    )
    write_atomically(Path(output), "".join(f"{line}\n" for line in lines))
    judged = [(name, finding) for (_, name, _), finding in zip(work, findings, strict=True)]
    return Verification(
        output=Path(output),
        verifier=verifier.name,
        reason=reason,
        strategies=tuple(_counted(judged, names)),
        references=tested,
        mapping=dataset.mapping,
        bad_rows=tuple(problem.message for problem in dataset.problems),
        seconds=time.monotonic() - began,
    )


def _text(example: Example, name: str) -> str | None:
    if name == "reference":
        return example.reference
    if name == "label":
        return example.answer
    return example.responses.get(name.removeprefix("column:"))


def _check(
    verifier: Verifier, work: Sequence[tuple[Example, str, str]], report: ProgressSink
) -> list[Finding]:
    findings: list[Finding] = []
    began = time.monotonic()
    for start in range(0, len(work), _BATCH):
        batch = work[start : start + _BATCH]
        findings += verifier.check([(example, text) for example, _, text in batch])
        report(
            Progress(
                step="verify",
                done=len(findings),
                total=len(work),
                seconds=time.monotonic() - began,
            )
        )
    return findings


def _row(example: Example, name: str, finding: Finding) -> dict[str, str | None]:
    return {
        "example_id": example.id,
        "strategy": name,
        "status": finding.status,
        "extracted": finding.extracted,
        "rule": finding.rule,
        "detail": finding.detail,
    }


def _counted(
    judged: Iterable[tuple[str, Finding]], names: Sequence[str]
) -> Iterable[StrategyVerdicts]:
    counts: dict[str, Counter[Status]] = {name: Counter() for name in names}
    for name, finding in judged:
        counts[name][finding.status] += 1
    for name, counter in counts.items():
        yield StrategyVerdicts(strategy=name, n=counter.total(), counts=dict(counter))
