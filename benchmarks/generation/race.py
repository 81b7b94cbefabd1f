"""Runs contestants against one another. Repetitions interleave, so that a slow minute hits all."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmarks.generation.contestants import Order
from benchmarks.process import Process, started

__all__ = ["Result", "race"]


@dataclass(slots=True, kw_only=True)
class Result:
    """What one contestant did."""

    title: str
    settings: str = ""
    seconds: list[float] = field(default_factory=list[float])
    tokens: list[int] = field(default_factory=list[int])
    cut_off: list[int] = field(default_factory=list[int])
    loaded_bytes: int = 0
    peak_bytes: int = 0
    failure: str | None = None

    @property
    def speeds(self) -> list[float]:
        """Tokens a second of each repetition."""
        return [tokens / s for tokens, s in zip(self.tokens, self.seconds, strict=True)]


def race(
    names: Sequence[str], order: Order, repetitions: int, tell: Callable[[str], None]
) -> list[Result]:
    """Run all contestants. One that fails gets its reason instead of numbers.

    Args:
        names: Of the contestants.
        order: What is asked of each.
        repetitions: After the warm-up.
        tell: Is told what happens now.
    """
    results = [Result(title=name) for name in names]
    with ExitStack() as stack:
        processes: dict[int, Process] = {}
        for place, result in enumerate(results):
            tell(f"{result.title}: load, choose settings, warm up")
            mine = asdict(replace(order, contestant=result.title))
            worker = started("benchmarks.generation.worker", mine, threads=order.threads)
            try:
                process, ready = stack.enter_context(worker)
            except RuntimeError as error:
                result.failure = str(error)
                continue
            result.settings, result.loaded_bytes = ready["settings"], ready["loaded_bytes"]
            processes[place] = process
        for repetition in range(repetitions):
            for place, process in list(processes.items()):
                tell(f"{names[place]}: repetition {repetition + 1} of {repetitions}")
                try:
                    _note(results[place], process.ask(seed=repetition), order.max_new_tokens)
                except (RuntimeError, BrokenPipeError) as error:
                    results[place].failure = str(error)
                    del processes[place]
    return results


def _note(result: Result, answer: dict[str, Any], limit: int) -> None:
    result.seconds.append(answer["seconds"])
    result.tokens.append(sum(answer["lengths"]))
    result.cut_off.append(sum(length == limit for length in answer["lengths"]))
    result.peak_bytes = max(result.peak_bytes, answer["peak_bytes"])
