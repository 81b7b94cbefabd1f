"""Runs contestants against one another: one computes, all others sleep.

Repetitions interleave (A B C, A B C, ...), so that a slow minute of the machine hits all.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.process import Process, started
from benchmarks.scoring.limits import ModelShape, flop_min
from benchmarks.scoring.worker import Order
from benchmarks.scoring.workloads import Workload
from idiolect.scoring.base import ScoreRequest

__all__ = ["Entry", "Outcome", "Result", "Rules", "race"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contestant as it takes part."""

    title: str
    contestant: str
    keeps_pages: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all."""

    model: Path
    threads: int
    repetitions: int
    checked: int
    """Requests whose sums are compared with float64."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What one entry did on one workload."""

    title: str
    settings: str = ""
    seconds: list[float] = field(default_factory=list[float])
    cpu_seconds: list[float] = field(default_factory=list[float])
    error: float | None = None
    """Largest difference from float64 over the checked requests, in nats per token."""

    loaded_bytes: int = 0
    peak_bytes: int = 0
    failure: str | None = None

    @property
    def median_seconds(self) -> float:
        """Of the repetitions, without the warm-up."""
        return median(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One workload, run by all."""

    workload: Workload
    results: tuple[Result, ...]
    shape: ModelShape
    flop_min: int
    peak: float
    """FLOP/s of the best matrix product between the repetitions."""

    load: float
    """Processes that wanted to run in the minute before the first repetition, ours included."""

    checked: int


@contextmanager
def _worker(entry: Entry, rules: Rules) -> Iterator[tuple[Process, dict[str, Any]]]:
    order = Order(
        contestant=entry.contestant,
        model=str(rules.model),
        threads=rules.threads,
        keeps_pages=entry.keeps_pages,
    )
    with started(
        "benchmarks.scoring.worker",
        asdict(order),
        threads=rules.threads,
        environment=entry.environment,
    ) as worker:
        yield worker


def race(
    workload: Workload, entries: Sequence[Entry], rules: Rules, tell: Callable[[str], None]
) -> Outcome:
    """Run one workload by all entries. One that fails gets its reason instead of numbers."""
    results = [Result(title=entry.title) for entry in entries]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = _written(folder / "requests.json", workload.requests)
        checked = _spread(len(workload.requests), rules.checked)
        tell(f"float64 sums of {len(checked)} requests")
        wanted, shape = _reference(folder, [workload.requests[i] for i in checked], rules)
        gemm, _ = stack.enter_context(_worker(Entry(title="", contestant="gemm"), rules))
        shapes = _gemm_shapes(shape)
        workers: dict[int, Process] = {}
        for index, (entry, result) in enumerate(zip(entries, results, strict=True)):
            tell(f"{entry.title}: load, choose settings, warm up")
            with _noting_failure(result):
                worker, ready = stack.enter_context(_worker(entry, rules))
                result.loaded_bytes = ready["loaded_bytes"]
                result.settings = worker.ask(do="prepare", file=str(file))["settings"]
                warm = worker.ask(do="run")
                result.error = _error(wanted, warm, checked)
                workers[index] = worker
        load = os.getloadavg()[0]
        peak = gemm.ask(do="run", shapes=shapes)["flop_per_second"]
        for repetition in range(rules.repetitions):
            for index, worker in list(workers.items()):
                result = results[index]
                tell(f"{result.title}: repetition {repetition + 1} of {rules.repetitions}")
                with _noting_failure(result):
                    _note(result, worker.ask(do="run"))
                if result.failure is not None:
                    del workers[index]
            peak = max(peak, gemm.ask(do="run", shapes=shapes)["flop_per_second"])
    return Outcome(
        workload=workload,
        results=tuple(results),
        shape=shape,
        flop_min=flop_min(shape, workload.requests),
        peak=peak,
        load=load,
        checked=len(checked),
    )


@contextmanager
def _noting_failure(result: Result) -> Iterator[None]:
    """Keep a peer that is not installed, or that fails, from ending the benchmark."""
    try:
        yield
    except (RuntimeError, BrokenPipeError) as error:
        result.failure = str(error)


def _note(result: Result, answer: Mapping[str, Any]) -> None:
    result.seconds.append(answer["seconds"])
    result.cpu_seconds.append(answer["cpu_seconds"])
    result.peak_bytes = answer["peak_bytes"]


def _written(file: Path, requests: Sequence[ScoreRequest]) -> Path:
    file.write_text(json.dumps([(r.prompt_ids, r.response_ids) for r in requests]))
    return file


def _spread(count: int, wanted: int) -> list[int]:
    """Return some of `count` indices, evenly spread."""
    return sorted({index * count // min(wanted, count) for index in range(min(wanted, count))})


def _reference(
    folder: Path, requests: Sequence[ScoreRequest], rules: Rules
) -> tuple[list[float], ModelShape]:
    file = _written(folder / "checked.json", requests)
    with _worker(Entry(title="", contestant="float64"), rules) as (worker, ready):
        worker.ask(do="prepare", file=str(file))
        shape = ready["shape"]
        # The weights of the contestants are float32: half of the reference's.
        shape["weight_bytes"] //= 2
        return worker.ask(do="run")["nlls"], ModelShape(**shape)


def _error(wanted: Sequence[float], answer: Mapping[str, Any], checked: Sequence[int]) -> float:
    differences = [
        abs(answer["nlls"][index] - nll) / answer["tokens"][index]
        for index, nll in zip(checked, wanted, strict=True)
    ]
    return max(differences)


def _gemm_shapes(shape: ModelShape) -> list[tuple[int, int, int]]:
    width, feed_forward = shape.width, shape.feed_forward
    return [
        (1024, 1024, 1024),
        (2048, 2048, 2048),
        (1024, width, feed_forward),
        (1024, feed_forward, width),
    ]
