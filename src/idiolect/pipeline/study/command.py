"""`study`: train and test several datasets under one budget, and say which is better.

Candidates are made, checked and scored as in `build`. Every dataset has the same prompts and the
same number of optimizer steps. A cell's rows land when it is done; the same command goes on with
the cells that are not.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, RunError
from idiolect.models.base import Sampling
from idiolect.pipeline.checking import judge_identity
from idiolect.pipeline.inputs import open_job
from idiolect.pipeline.job import Job, RunOptions
from idiolect.pipeline.steps import choose_step, run_steps
from idiolect.pipeline.steps.clock import Clock
from idiolect.pipeline.study.cells import Asked, Plan, Questions, answer, plan_cells, train_cell
from idiolect.pipeline.study.choice import best_on_validation
from idiolect.pipeline.study.datasets import MadeDataset, make_datasets, strategies_of
from idiolect.pipeline.study.drifts import measure_drifts
from idiolect.pipeline.study.page import write_page
from idiolect.pipeline.study.results import Found, find
from idiolect.pipeline.study.splits import Split, Splits, read_splits
from idiolect.pipeline.study.words import sentences
from idiolect.pipeline.study.workers import Workers, workers
from idiolect.records import Answer, Cell, Drift
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.training import resolve
from idiolect.verification.judge import Ask, open_judge

__all__ = ["Study", "study"]

_DECIDES = ("datasets", "correct_only", "examples", "evaluation", "checkpoints", "base_runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A finished study."""

    run: Path
    found: Found
    words: tuple[str, ...]
    page: Path
    """`study.md` in the run."""


def study(
    config: Config,
    *,
    dataset: Dataset | None = None,
    options: RunOptions | None = None,
    jobs: int = 1,
    report: ProgressSink = ignore_progress,
) -> Study:
    """Train every dataset with every seed, test them, and compare them in pairs.

    Args:
        config: With `study.datasets` and `study.test`.
        dataset: Read from `config.data` where it is None.
        options: How to go about the run.
        jobs: Processes that train and answer.
        report: Is told how far the work is.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    options = options or RunOptions()
    _check(config)
    splits = read_splits(config, dataset)
    _check_judge(config, splits, jobs)
    with open_job(
        "study",
        config,
        splits.train,
        strategies=strategies_of(config.study.datasets),
        options=options,
        made_from=_identity(config, splits),
    ) as job:
        for reason in splits.reasons:
            job.run.log("info", reason)
        run_steps(job, report)
        # What `build` would take: for `explain`, `export` and the report.
        choose_step(job)
        datasets = make_datasets(job)
        again = job.options.retry_failed
        judge = open_judge(config, job.money, ask_again=again) if _judged(splits) else None
        with workers(jobs) as pool:
            _base(job, splits, judge, pool, report)
            taken = _train(job, datasets, splits, judge, pool, report)
            _test(job, taken, splits, judge, pool, report)
            measure_drifts(job, taken, splits.test, pool, report)
        found = find(
            {made.name: made.facts for made in datasets},
            taken,
            job.run.all(Answer),
            job.run.all(Drift),
            base_runs=_base_runs(config),
            others=[split.name for split in splits.others],
        )
        words = [*sentences(found, config.study), *splits.words]
        page = write_page(job.run.path, found, words, config.study)
        job.write_manifest()
        return Study(run=job.run.path, found=found, words=tuple(words), page=page)


def _check(config: Config) -> None:
    settings = config.study
    if len(settings.datasets) < 2:
        raise ConfigError(
            f"study.datasets: found {len(settings.datasets)}, expected at least two to compare, "
            "e.g. reference: {strategies: [reference]}"
        )
    for name, each in settings.datasets.items():
        if not re.fullmatch(r"\w[\w.-]*", name) or name.startswith("base"):
            raise ConfigError(
                f"study.datasets: found the name {name!r}, expected letters, digits, '-', '_' "
                "and '.', and not 'base'"
            )
        if not each.strategies:
            raise ConfigError(f"study.datasets.{name}.strategies: found none, expected some")
    for key in ("seeds", "learning_rates"):
        values: Sequence[Any] = getattr(settings, key)
        if len(set(values)) != len(values):
            raise ConfigError(f"study.{key}: found {list(values)}, expected each value once")
    if not settings.seeds:
        raise ConfigError("study.seeds: found none, expected at least one, better three")
    for key in ("checkpoints", "base_runs"):
        if getattr(settings, key) < 1:
            raise ConfigError(f"study.{key}: found {getattr(settings, key)}, expected at least 1")
    asked = settings.evaluation
    if asked.samples < 1 or (asked.samples > 1 and asked.temperature == 0):
        raise ConfigError(
            f"study.evaluation: found {asked.samples} samples at temperature {asked.temperature}; "
            "expected at least one, and a temperature above 0 for several"
        )
    if config.target.server:
        raise ConfigError("study: found target.server; training needs the weights here, drop it")
    has_choice = len(settings.learning_rates) > 1 or settings.checkpoints > 1
    if has_choice and settings.validation is None and not settings.validation_examples:
        raise ConfigError(
            "study: several learning rates or checkpoints are chosen from on a validation split; "
            "set study.validation_examples, e.g. 100, or study.validation"
        )
    resolve(config.training)


def _judged(splits: Splits) -> list[str]:
    return [split.name for split in splits.held_out if split.verifier == "judge"]


def _check_judge(config: Config, splits: Splits, jobs: int) -> None:
    names = ", ".join(_judged(splits))
    if names and not config.judge.model:
        raise ConfigError(
            f"study: the answers to {names} are checked by a judge, and none is named; name one "
            "with --judge, e.g. openai:gpt-4.1-mini"
        )
    if names and jobs > 1:
        raise ConfigError(
            f"study: the answers to {names} are checked by a judge, which one purse pays for, and "
            f"--jobs {jobs} would need a purse for each process; leave out --jobs"
        )


def _identity(config: Config, splits: Splits) -> dict[str, Any]:
    settings = dataclasses.asdict(config.study)
    return {
        "training": dataclasses.asdict(config.training),
        "splits": splits.fingerprint,
        **(judge_identity(config) if _judged(splits) else {}),
        **{f"study.{key}": settings[key] for key in _DECIDES},
    }


def _base_runs(config: Config) -> list[str]:
    return [f"base-{n}" for n in range(1, config.study.base_runs + 1)]


def _questions(job: Job, splits: Sequence[Split], seed: int, judge: Ask | None) -> Questions:
    asked = job.config.study.evaluation
    return Questions(
        splits=tuple(splits),
        sampling=Sampling(
            temperature=asked.temperature, top_p=asked.top_p, max_new_tokens=asked.max_new_tokens
        ),
        samples=asked.samples,
        seed=seed,
        confirm_run_unsafe_code=job.options.confirm_run_unsafe_code,
        judge=judge,
    )


def _base(job: Job, splits: Splits, judge: Ask | None, pool: Workers, report: ProgressSink) -> None:
    """Let the base model answer, as often as asked for."""
    asked = [
        Asked(
            subject=subject,
            target=job.config.target,
            questions=_questions(job, (splits.test, *splits.others), job.config.seed + n, judge),
        )
        for n, subject in enumerate(_base_runs(job.config))
    ]
    _ask(job, asked, pool, report, "base answers")


def _train(
    job: Job,
    datasets: Sequence[MadeDataset],
    splits: Splits,
    judge: Ask | None,
    pool: Workers,
    report: ProgressSink,
) -> dict[str, list[Cell]]:
    """Train what is missing; return each dataset's cells at the rate that validation took."""
    validation = splits.validation and _questions(job, (splits.validation,), job.config.seed, judge)
    plans = plan_cells(
        datasets,
        job.config.study,
        target=job.config.target,
        training=job.config.training,
        folder=job.run.path.resolve() / "adapters",
        validation=validation,
    )
    done = {cell.id for cell in job.run.all(Cell)}
    clock = Clock(report, "train", len(plans), sum(plan.id in done for plan in plans))
    for trained in pool.run(train_cell, [plan for plan in plans if plan.id not in done]):
        job.run.add(trained.cell, *trained.validation)
        clock.tick()
    cells = {cell.id: cell for cell in job.run.all(Cell)}
    mine = [cells[plan.id] for plan in plans]
    _require_equal_budget(mine)
    return {made.name: _at_best_rate(made.name, mine, plans, splits) for made in datasets}


def _require_equal_budget(cells: Sequence[Cell]) -> None:
    steps = {cell.steps for cell in cells}
    if len(steps) > 1:
        raise RunError(
            f"study: the cells have {sorted(steps)} optimizer steps, expected the same for all; "
            "use --fresh"
        )


def _at_best_rate(
    name: str, cells: Sequence[Cell], plans: Sequence[Plan], splits: Splits
) -> list[Cell]:
    mine = [cell for cell in cells if cell.dataset == name]
    rates: dict[float, list[float]] = {}
    for cell in mine:
        if cell.validation_rate is None and len({each.learning_rate for each in mine}) > 1:
            raise RunError(
                f"study: {cell.id} was trained when there was one learning rate, without a look "
                "at validation, so rates cannot be compared; use --fresh"
            )
        rates.setdefault(cell.learning_rate, []).append(cell.validation_rate or 0.0)
    taken = best_on_validation(rates, split=splits.validation, what="learning rates")
    return [cell for cell in mine if cell.learning_rate == taken]


def _test(
    job: Job,
    taken: dict[str, list[Cell]],
    splits: Splits,
    judge: Ask | None,
    pool: Workers,
    report: ProgressSink,
) -> None:
    """Let the adapters that were taken answer what nothing was chosen by."""
    asked = [
        Asked(
            subject=cell.id,
            target=dataclasses.replace(
                job.config.target, adapter=str(job.run.path.resolve() / cell.adapter)
            ),
            questions=_questions(job, (splits.test, *splits.others), job.config.seed, judge),
        )
        for cells in taken.values()
        for cell in cells
    ]
    _ask(job, asked, pool, report, "adapters answer")


def _ask(job: Job, asked: Sequence[Asked], pool: Workers, report: ProgressSink, step: str) -> None:
    answers = job.run.all(Answer)
    done = {a.subject_id for a in answers if a.split == "test"}
    if job.options.retry_failed:
        done -= {a.subject_id for a in answers if a.status == "error"}
    clock = Clock(report, step, len(asked), sum(each.subject in done for each in asked))
    for answers in pool.run(answer, [each for each in asked if each.subject not in done]):
        job.run.add(*answers)
        clock.tick(tokens=sum(a.tokens_out for a in answers))
