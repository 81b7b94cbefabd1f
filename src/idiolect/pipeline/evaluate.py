"""`evaluate`: a model answers test data, our verifiers check, and drift is measured."""

import dataclasses
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.config import Config
from idiolect.data.read import Dataset, read_dataset
from idiolect.errors import ConfigError, needs_local
from idiolect.evaluation.accuracy import Accuracy, accuracy, evaluate
from idiolect.models.base import Sampling
from idiolect.models.money import Money
from idiolect.pipeline.checking import judge_identity, judge_of, need_verifier
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.spending import keep_payments
from idiolect.records import Answer, Drift, Example, Message
from idiolect.runs.manifest import write_atomically, write_manifest
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import Run
from idiolect.statistics import rate_interval
from idiolect.verification import Verifier
from idiolect.verification.judge import Ask
from idiolect.verification.self_test import require_references, self_test

__all__ = ["DriftRow", "EvaluationOutcome", "SuiteRow", "TaskRow", "evaluate_command"]

_PROBE = Example(id="probe", messages=(Message(role="user", content="Hello"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """What came out on one task."""

    task: str
    verifier: str
    counts: Accuracy
    interval: tuple[float, float] | None
    """95 % Wilson interval of the rate; None where nothing was judged, or where several samples
    of one example make the answers depend on each other."""

    tokens_out: float
    """Mean over the answers."""

    cut_off: int
    """Answers that reached the token limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """Drift on one task and kind of response, in nats per token; see `evaluation.drift`."""

    task: str
    source: str
    responses: int
    tokens: int
    kl_base_tuned: float
    kl_tuned_base: float
    base_nll: float
    tuned_nll: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRow:
    """One metric of a public suite."""

    suite: str
    metric: str
    value: float
    stderr: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOutcome:
    """What an evaluation found, for the screen and for programs."""

    run: Path
    model: str
    revision: str
    tasks: tuple[TaskRow, ...]
    drifts: tuple[DriftRow, ...]
    suites: tuple[SuiteRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    name: str
    dataset: Dataset
    verifier: Verifier


def evaluate_command(
    config: Config,
    data: Sequence[str],
    *,
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> EvaluationOutcome:
    """Test the target, with its adapter where it has one.

    Args:
        config: `target`, `evaluation`, `verifier`, `data` without its path, `seed`.
        data: Test data, one task each.
        options: How to go about the run.
        report: Is told how far the work is.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    options = options or RunOptions()
    settings = config.evaluation
    if not data and not settings.suites:
        raise ConfigError("evaluate: no data was given; name test data, or suites with --suites")
    if settings.drift and not (config.target.adapter and data):
        raise ConfigError(
            "evaluation.drift: found no adapter or no data; drift is measured between a target "
            "and the same target with --adapter, on the prompts of data"
        )
    money = Money(config.max_cost)
    judge = judge_of(config, money, ask_again=options.retry_failed)
    tasks = [_task(path, config, options, judge) for path in data]
    _check_names(tasks)
    if judge is None:
        _check_references(tasks, options)
    base, tuned = _load(config, tasks)
    with _open(config, tasks, tuned, options) as run, closing(money):
        began = time.monotonic()
        keep_payments(money, run)
        if judge:
            # It is paid for each reference: from the purse of the run.
            _check_references(tasks, options)
        if options.retry_failed:
            run.delete(Answer, status="error")
        rows = [_evaluated(run, config, task, tuned, report) for task in tasks]
        drifts: list[DriftRow] = []
        if base is not None and settings.drift:
            for task in tasks:
                drifts += _drifts(run, task, base, tuned, settings.max_new_tokens, report)
        suites = _suites(run, config, tuned)
        write_manifest(
            run.path / "manifest.json",
            {
                "target": {
                    "model": tuned.name,
                    "revision": tuned.revision,
                    "adapter": config.target.adapter,
                    "dtype": tuned.dtype,
                    "device": tuned.device,
                    "template": tuned.chat.label,
                    "template_hash": tuned.chat.fingerprint,
                },
                "tasks": {t.name: t.dataset.fingerprint for t in tasks},
                "evaluation": dataclasses.asdict(settings),
                "seed": config.seed,
            },
            seconds=time.monotonic() - began,
        )
        return EvaluationOutcome(
            run=run.path,
            model=tuned.name,
            revision=tuned.revision,
            tasks=tuple(rows),
            drifts=tuple(drifts),
            suites=tuple(suites),
        )


def _task(path: str, config: Config, options: RunOptions, judge: Ask | None) -> _Task:
    dataset = read_dataset(dataclasses.replace(config.data, path=path))
    verifier, _ = need_verifier(
        config,
        dataset,
        confirm_run_unsafe_code=options.confirm_run_unsafe_code,
        judge=judge,
    )
    return _Task(name=Path(path).stem, dataset=dataset, verifier=verifier)


def _check_references(tasks: Sequence[_Task], options: RunOptions) -> None:
    for task in tasks:
        tested = self_test(task.verifier, task.dataset.examples)
        if not options.allow_failing_references:
            require_references(tested)


def _check_names(tasks: Sequence[_Task]) -> None:
    names = [task.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"evaluate: found several data named {', '.join(twice)}; tasks are told apart by the "
            "file's name, so rename one"
        )


def _load(config: Config, tasks: Sequence[_Task]) -> tuple[Any, Any]:
    """Return base and model to test; the base only where it is needed."""
    with needs_local("a target on this machine"):
        from idiolect.models.local import load_local_model
    if config.target.server:
        raise ConfigError("evaluate: a server cannot be tested yet; leave out target.server")
    if not config.target.adapter:
        return None, load_local_model(config.target)
    from idiolect.evaluation.drift import require_change, spoken

    examples = tasks[0].dataset.examples if tasks else (_PROBE,)
    base = load_local_model(dataclasses.replace(config.target, adapter=None))
    before = spoken(base, examples)
    if not config.evaluation.drift:
        base = None
    tuned = load_local_model(config.target)
    require_change(before, spoken(tuned, examples), adapter=config.target.adapter)
    return base, tuned


def _open(config: Config, tasks: Sequence[_Task], model: Any, options: RunOptions) -> Run:
    identity = {
        "command": "evaluate",
        "target.model": model.name,
        "target.revision": model.revision,
        "target.dtype": model.dtype,
        "target.device": model.device,
        "target.template": model.chat.fingerprint,
        "tasks": {task.name: task.dataset.fingerprint for task in tasks},
        "verifiers": {task.name: task.verifier.name for task in tasks},
        **{f"evaluation.{k}": v for k, v in dataclasses.asdict(config.evaluation).items()},
        "seed": config.seed,
        **({"data.limit": config.data.limit} if config.evaluation.suites else {}),
        **(judge_identity(config) if config.verifier == "judge" else {}),
    }
    name = "-".join(task.name for task in tasks[:3]) or "suites"
    folder = Path("runs") / f"evaluate-{name}-{Path(model.name).name}"
    return Run(config.output_dir or folder, identity, fresh=options.fresh)


def _evaluated(run: Run, config: Config, task: _Task, model: Any, report: ProgressSink) -> TaskRow:
    settings = config.evaluation
    rows = evaluate(
        model,
        model.chat,
        task.dataset.examples,
        task.verifier,
        sampling=Sampling(
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
        ),
        samples=settings.samples,
        seed=config.seed,
        done={
            (row.example_id, row.sample_index): row
            for row in run.all(Answer)
            if row.split == task.name
        },
        land=lambda new: run.add(*new),
        report=report,
        subject=model.revision,
        split=task.name,
    )
    counts = accuracy(rows)
    is_single = settings.samples == 1 and counts.judged > 0
    answers = [row for row in rows if row.finish_reason is not None]
    return TaskRow(
        task=task.name,
        verifier=task.verifier.name,
        counts=counts,
        interval=rate_interval(counts.correct, counts.judged) if is_single else None,
        tokens_out=sum(row.tokens_out for row in answers) / max(1, len(answers)),
        cut_off=sum(row.finish_reason == "length" for row in answers),
    )


def _drifts(
    run: Run, task: _Task, base: Any, tuned: Any, max_new_tokens: int, report: ProgressSink
) -> list[DriftRow]:
    from idiolect.evaluation.drift import drift, means, own_answers, references

    rows = [row for row in run.all(Drift) if row.split == task.name]
    if not rows:
        examples = task.dataset.examples
        items = own_answers(base, examples, max_new_tokens=max_new_tokens)
        items += references(base, examples)
        rows = drift(base, tuned, items, subject=tuned.revision, split=task.name, report=report)
        run.add(*rows)
    found: list[DriftRow] = []
    for source in ("own", "reference"):
        mine = [row for row in rows if row.source == source]
        if mine:
            mean = dataclasses.asdict(means(mine))
            found.append(DriftRow(task=task.name, source=source, **mean))
    return found


def _suites(run: Run, config: Config, model: Any) -> list[SuiteRow]:
    """Run the public suites; their items go into `suites.jsonl`, all at once at the end."""
    if not config.evaluation.suites:
        return []
    noted: list[dict[str, Any]] | None = run.recall("suites")
    if noted is None:
        import json

        from idiolect.evaluation.suites import run_suites

        scores = run_suites(
            model, config.evaluation.suites, limit=config.data.limit, seed=config.seed
        )
        items = [dataclasses.asdict(item) for score in scores for item in score.items]
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        write_atomically(run.path / "suites.jsonl", text)
        noted = [
            {
                "suite": f"{score.task} (version {score.version})",
                "metric": f"{score.metric},{score.filter}",
                "value": score.value,
                "stderr": score.stderr,
                "n": score.n,
            }
            for score in scores
        ]
        run.note("suites", noted)
    return [SuiteRow(**row) for row in noted]
