"""`evaluate`: a model answers test data, our verifiers check, and drift is measured."""

import dataclasses
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from idiolect.config import Config
from idiolect.data.read import read_dataset
from idiolect.errors import ConfigError, needs_local
from idiolect.models.money import Money
from idiolect.pipeline.checking import judge_identity, judge_of, need_verifier
from idiolect.pipeline.evaluate.outcome import DriftRow, EvaluationOutcome
from idiolect.pipeline.evaluate.parts import Task, drifts, evaluated, suites
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.spending import keep_payments
from idiolect.records import Answer, Example, Message
from idiolect.runs.manifest import write_manifest
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import Run
from idiolect.verification.judge import Ask
from idiolect.verification.self_test import require_references, self_test

__all__ = ["evaluate_command"]

_PROBE = Example(id="probe", messages=(Message(role="user", content="Hello"),))


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
    _check(config, data)
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
        rows = [evaluated(run, config, task, tuned, report) for task in tasks]
        moved: list[DriftRow] = []
        if base is not None and settings.drift:
            for task in tasks:
                moved += drifts(run, task, base, tuned, settings.max_new_tokens, report)
        scores = suites(run, config, tuned)
        _write_manifest(run, config, tasks, tuned, seconds=time.monotonic() - began)
        return EvaluationOutcome(
            run=run.path,
            model=tuned.name,
            revision=tuned.revision,
            tasks=tuple(rows),
            drifts=tuple(moved),
            suites=tuple(scores),
        )


def _check(config: Config, data: Sequence[str]) -> None:
    settings = config.evaluation
    if not data and not settings.suites:
        raise ConfigError("evaluate: no data was given; name test data, or suites with --suites")
    if settings.drift and not (config.target.adapter and data):
        raise ConfigError(
            "evaluation.drift: found no adapter or no data; drift is measured between a target "
            "and the same target with --adapter, on the prompts of data"
        )


def _task(path: str, config: Config, options: RunOptions, judge: Ask | None) -> Task:
    dataset = read_dataset(dataclasses.replace(config.data, path=path))
    verifier, _ = need_verifier(
        config,
        dataset,
        confirm_run_unsafe_code=options.confirm_run_unsafe_code,
        judge=judge,
    )
    return Task(name=Path(path).stem, dataset=dataset, verifier=verifier)


def _check_references(tasks: Sequence[Task], options: RunOptions) -> None:
    for task in tasks:
        tested = self_test(task.verifier, task.dataset.examples)
        if not options.allow_failing_references:
            require_references(tested)


def _check_names(tasks: Sequence[Task]) -> None:
    names = [task.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"evaluate: found several data named {', '.join(twice)}; tasks are told apart by the "
            "file's name, so rename one"
        )


def _load(config: Config, tasks: Sequence[Task]) -> tuple[Any, Any]:
    """Return base and model to test; the base only where it is needed."""
    with needs_local("a target on this machine"):
        from idiolect.models.local import load_local_model
    if config.target.server:
        raise ConfigError("evaluate: a server cannot be tested yet; leave out target.server")
    if not config.target.adapter:
        return None, load_local_model(config.target)
    from idiolect.evaluation.change import load_changed

    examples = tasks[0].dataset.examples if tasks else (_PROBE,)
    return load_changed(config.target, examples, keep_base=config.evaluation.drift)


def _open(config: Config, tasks: Sequence[Task], model: Any, options: RunOptions) -> Run:
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


def _write_manifest(
    run: Run, config: Config, tasks: Sequence[Task], model: Any, *, seconds: float
) -> None:
    write_manifest(
        run.path / "manifest.json",
        {
            "target": {
                "model": model.name,
                "revision": model.revision,
                "adapter": config.target.adapter,
                "dtype": model.dtype,
                "device": model.device,
                "template": model.chat.label,
                "template_hash": model.chat.fingerprint,
            },
            "tasks": {task.name: task.dataset.fingerprint for task in tasks},
            "evaluation": dataclasses.asdict(config.evaluation),
            "seed": config.seed,
        },
        seconds=seconds,
    )
