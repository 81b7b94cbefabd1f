"""Accuracy: the model answers, our verifiers check. One row an answer, so that rows make pairs."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from idiolect.chat import ChatFormat
from idiolect.errors import BudgetError, ConfigError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Model, Sampling
from idiolect.records import Answer, Example, content_id
from idiolect.runs.progress import Progress, ProgressSink, ignore_progress
from idiolect.verification.base import Finding, Verifier

__all__ = ["GREEDY", "Accuracy", "accuracy", "evaluate"]

_VERIFY_BATCH = 32
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Counts of one task. The rate travels with them."""

    correct: int
    incorrect: int
    unparsable: int
    unchecked: int
    error: int

    @property
    def judged(self) -> int:
        """Answers that count: neither unchecked nor failed on our side."""
        return self.correct + self.incorrect + self.unparsable

    @property
    def rate(self) -> float | None:
        """Share of the judged answers that are correct; None where none was judged."""
        return self.correct / self.judged if self.judged else None


def accuracy(rows: Sequence[Answer]) -> Accuracy:
    """Count the rows of one task by status."""
    statuses = [row.status for row in rows]
    return Accuracy(
        correct=statuses.count("correct"),
        incorrect=statuses.count("incorrect"),
        unparsable=statuses.count("unparsable"),
        unchecked=statuses.count("unchecked"),
        error=statuses.count("error"),
    )


def evaluate(
    target: Model,
    chat: ChatFormat,
    examples: Sequence[Example],
    verifier: Verifier,
    *,
    sampling: Sampling = GREEDY,
    samples: int = 1,
    seed: int = 0,
    done: Mapping[tuple[str, int], Answer] | None = None,
    land: Callable[[Sequence[Answer]], None] | None = None,
    report: ProgressSink = ignore_progress,
    subject: str = "",
    split: str = "",
) -> list[Answer]:
    """Let a model answer every example, check the answers, and return one row for each.

    Args:
        target: Anything that generates; with an adapter on top where it has one.
        chat: Its chat format, which knows what of an answer counts (`thinking`).
        examples: The test split of a task.
        verifier: What suits the task.
        sampling: How tokens are drawn. Default: greedy.
        samples: Answers of each example; more than one needs a temperature.
        seed: Decides every draw, together with example and sample index.
        done: Rows of an earlier process, by example and sample index; they are not made again.
        land: Is given new rows as soon as they are checked, e.g. to store them.
        report: Is told how far the work is.
        subject: Who answers, for the rows.
        split: The name of the examples, for the rows.

    Returns:
        Rows by example, in the order of the examples, and then by sample.

    Raises:
        ConfigError: several greedy samples were asked for, which would all be the same.
        BudgetError: the verifier is a judge that could not be paid for every answer; those that
            it judged have landed.
    """
    if samples < 1 or (samples > 1 and sampling.temperature == 0):
        raise ConfigError(
            f"samples: found {samples} at temperature {sampling.temperature}; expected 1, or a "
            "temperature above 0, e.g. 0.7"
        )
    found = dict(done or {})
    wanted = [(e, index) for e in examples for index in range(samples)]
    todo = [(e, index) for e, index in wanted if (e.id, index) not in found]
    began = time.monotonic()
    resumed = len(wanted) - len(todo)
    tokens = 0
    for rows, skipped in _checked(target, chat, todo, verifier, sampling, seed):
        rows = [dataclasses.replace(row, subject_id=subject, split=split) for row in rows]
        if land is not None:
            land(rows)
        found |= {(row.example_id, row.sample_index): row for row in rows}
        tokens += sum(row.tokens_out for row in rows)
        report(
            Progress(
                step=f"evaluate {split}".strip(),
                done=len(found),
                total=len(wanted),
                failed=sum(row.status == "error" for row in found.values()),
                tokens=tokens,
                seconds=time.monotonic() - began,
                resumed=resumed,
            )
        )
        if skipped:
            raise BudgetError(
                f"{split or 'evaluation'}: the money is used up and {len(wanted) - len(found)} of "
                f"{len(wanted)} answers are not judged; start the same command again with a larger "
                "--max-cost, nothing is paid twice"
            )
    return [found[e.id, index] for e, index in wanted]


def _checked(
    target: Model,
    chat: ChatFormat,
    todo: Sequence[tuple[Example, int]],
    verifier: Verifier,
    sampling: Sampling,
    seed: int,
) -> Iterator[tuple[list[Answer], int]]:
    """Yield checked answers, a few at a time, as soon as the model gives them.

    With them goes the number of those that nobody was paid to check.
    """
    requests = [
        GenerationRequest(
            messages=example.messages,
            sampling=sampling,
            # The seed of a sample depends on nothing that is generated beside it.
            seed=int(content_id(seed, example.id, index), 16) >> 1,
        )
        for example, index in todo
    ]
    waiting: list[tuple[Example, int, Generation | GenerationFailure]] = []
    for (example, index), result in zip(todo, target.generate(requests), strict=True):
        waiting.append((example, index, result))
        if len(waiting) == _VERIFY_BATCH:
            yield _verified(waiting, chat, verifier)
            waiting = []
    if waiting:
        yield _verified(waiting, chat, verifier)


def _verified(
    answers: Sequence[tuple[Example, int, Generation | GenerationFailure]],
    chat: ChatFormat,
    verifier: Verifier,
) -> tuple[list[Answer], int]:
    given = [(e, r) for e, _, r in answers if isinstance(r, Generation)]
    findings = iter(verifier.check([(e, chat.response_text(r.text)) for e, r in given]))
    rows: list[Answer] = []
    for example, index, result in answers:
        is_answer = isinstance(result, Generation)
        finding = next(findings) if is_answer else Finding(status="error", detail=result.reason)
        if finding.skipped:
            continue
        rows.append(
            Answer(
                subject_id="",
                split="",
                example_id=example.id,
                sample_index=index,
                status=finding.status,
                text=result.text if is_answer else "",
                tokens_out=result.tokens_out if is_answer else 0,
                extracted=finding.extracted,
                finish_reason=result.finish_reason if is_answer else None,
                detail=finding.detail,
            )
        )
    return rows, len(answers) - len(rows)
