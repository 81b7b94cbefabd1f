"""Public suites through lm-evaluation-harness, item by item, so that two models can be paired.

The harness reports a mean and its standard error for each metric; a comparison of two models needs
the items (https://github.com/EleutherAI/lm-evaluation-harness/issues/3831). They are kept.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idiolect.errors import ConfigError, MissingExtra
from idiolect.models.local import LocalModel

__all__ = ["SuiteItem", "SuiteScore", "run_suites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteItem:
    """One item of a suite under one metric."""

    task: str
    item_id: str
    """The harness's number of the document and a hash of its content."""

    metric: str
    filter: str
    """How the harness reads the answer out of the text, e.g. `strict-match`; mostly `none`."""

    value: float
    answer: str
    """What the model said, or the log-likelihoods that it gave, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteScore:
    """One metric of one suite."""

    task: str
    metric: str
    filter: str
    value: float
    stderr: float | None
    """The harness's own, over items."""

    n: int
    version: str
    """Of the task's definition."""

    items: tuple[SuiteItem, ...]


def run_suites(
    model: LocalModel,
    tasks: Sequence[str | Mapping[str, Any]],
    *,
    limit: int | None = None,
    batch_size: int = 8,
    seed: int = 0,
    apply_chat_template: bool = True,
) -> list[SuiteScore]:
    """Run tasks of lm-evaluation-harness on a loaded model, with its adapter where it has one.

    Args:
        model: The model; it is used as it is, nothing is loaded again.
        tasks: Names, or definitions as a task file would hold them.
        limit: Take the first n items of each task only.
        batch_size: Items that go through the model together.
        seed: For few-shot examples and draws.
        apply_chat_template: Ask through the model's own chat template.

    Raises:
        ConfigError: the harness knows no such task, or cannot prepare it.
        MissingExtra: lm-eval is not installed.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        from lm_eval.evaluator import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise MissingExtra("lm-eval", "eval", "public suites") from None
    harness: Any = HFLM
    adapter = harness(
        pretrained=model.module,
        tokenizer=model.tokenizer,
        batch_size=batch_size,
        max_length=model.max_length,
    )
    try:
        found: Any = simple_evaluate(
            model=adapter,
            tasks=[dict(task) if isinstance(task, Mapping) else task for task in tasks],
            # The harness's own thousands of tasks are read only where one is asked for by name.
            task_manager=TaskManager(include_defaults=any(isinstance(t, str) for t in tasks)),
            limit=limit,
            log_samples=True,
            apply_chat_template=apply_chat_template,
            bootstrap_iters=0,
            random_seed=seed,
            numpy_random_seed=seed,
            torch_random_seed=seed,
            fewshot_random_seed=seed,
        )
    except (KeyError, ValueError, FileNotFoundError) as error:
        names = ", ".join(t if isinstance(t, str) else str(t.get("task")) for t in tasks)
        first = (str(error).strip().splitlines() or [repr(error)])[0]
        raise ConfigError(
            f"evaluation.suites: the harness cannot run {names} ({first}); "
            "see `lm_eval ls tasks` for what it knows"
        ) from None
    return [
        score
        for task, metrics in found["results"].items()
        for score in _scores(task, metrics, found["samples"].get(task, []), found["versions"])
    ]


def _scores(
    task: str,
    metrics: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
    versions: Mapping[str, Any],
) -> list[SuiteScore]:
    """Return one score for each metric of a task; keys are `metric,filter`."""
    scores: list[SuiteScore] = []
    for key, value in metrics.items():
        metric, comma, filtered = key.partition(",")
        if not comma or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        stderr = metrics.get(f"{metric}_stderr,{filtered}")
        items = [_item(task, s, metric) for s in samples if s.get("filter") == filtered]
        scores.append(
            SuiteScore(
                task=task,
                metric=metric,
                filter=filtered,
                value=float(value),
                stderr=float(stderr) if isinstance(stderr, int | float) else None,
                n=len(items),
                version=str(versions.get(task)),
                items=tuple(item for item in items if item is not None),
            )
        )
    return scores


def _item(task: str, sample: Mapping[str, Any], metric: str) -> SuiteItem | None:
    value = sample.get(metric)
    if not isinstance(value, int | float):
        return None  # a metric of the whole set, e.g. a corpus BLEU
    return SuiteItem(
        task=task,
        item_id=f"{sample['doc_id']}-{str(sample.get('doc_hash', ''))[:12]}",
        metric=metric,
        filter=str(sample.get("filter")),
        value=float(value),
        answer=str(sample.get("filtered_resps")),
    )
