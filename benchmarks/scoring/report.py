"""Tables, and the circumstances without which their numbers mean nothing."""

import datetime
import platform
from collections.abc import Sequence
from importlib import metadata

from rich import box
from rich.table import Table

from benchmarks.machine import command, cpu_name, physical_cores
from benchmarks.scoring.race import Outcome, Result, Rules

__all__ = ["markdown", "table"]

_BASELINE = "lm-eval"
_PACKAGES = ("torch", "transformers", "numpy", "lm-eval", "minicons")
_KNOWN_WEIGHTS = {
    "smollm2-135m-instruct": "SmolLM2-135M-Instruct; its weights are a de-quantised Q4_1",
}
_COLUMNS = (
    *("contestant", "seconds", "spread", "CPU s", "responses/s", "tokens/s", "useful MFU"),
    *("x lm-eval", "error", "peak MB", "above weights", "above loaded", "settings"),
)
_LEFT = ("contestant", "settings")
_SHORT = (
    *("contestant", "seconds", "spread", "tokens/s", "useful MFU", "x lm-eval", "error"),
    "above weights",
)
_LEGEND = """\
- seconds: median of the repetitions; spread: the fastest and the slowest; CPU s: median of the
  processor time of all threads.
- tokens/s: scored response tokens a second. x lm-eval: its median seconds over these.
- useful MFU: FLOP_min / (seconds x peak). FLOP_min computes each prompt once, no padding, and
  the head on the rows that are read; peak is the best matrix product between the repetitions.
- error: largest difference of a request's sum from the float64 sum, in nats per token.
- peak MB: most resident memory of the process from its warm-up on; above weights: without the
  float32 weights; above loaded: without all that was resident before the first request."""


def table(outcome: Outcome) -> Table:
    """Return one workload for the terminal; what does not fit there is in the report."""
    places = [_COLUMNS.index(column) for column in _SHORT]
    result = Table(
        title=outcome.workload.name, caption=_circumstances(outcome), box=box.SIMPLE, padding=(0, 1)
    )
    for column in _SHORT:
        side = "left" if column in _LEFT else "right"
        result.add_column(column, justify=side, no_wrap=True)
    for row in _rows(outcome):
        result.add_row(*(row[place] for place in places))
    return result


def markdown(outcomes: Sequence[Outcome], rules: Rules) -> str:
    """Return the whole report."""
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    weights = _KNOWN_WEIGHTS.get(rules.model.name, rules.model.name)
    lines = [
        "# Scoring benchmark",
        "",
        f"- Command: `{command('benchmarks.scoring')}`",
        f"- Date: {datetime.date.today().isoformat()}",
        f"- Machine: {cpu_name()}, {physical_cores()} physical cores, "
        f"threads of each process: {rules.threads}, "
        f"{platform.system()} {platform.machine()}",
        f"- Versions: Python {platform.python_version()}, {versions}",
        f"- Model: {weights}; computed in float32",
        f"- Repetitions: {rules.repetitions}, interleaved, each contestant in its own process "
        "after one warm-up",
        "",
        _LEGEND,
    ]
    for outcome in outcomes:
        lines += ["", f"## {outcome.workload.name}", "", _circumstances(outcome) + ".", ""]
        lines += ["| " + " | ".join(_COLUMNS) + " |"]
        lines += ["|" + "|".join("---" if c in _LEFT else "---:" for c in _COLUMNS) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in _rows(outcome)]
    return "\n".join(lines) + "\n"


def _circumstances(outcome: Outcome) -> str:
    return (
        f"{outcome.workload.circumstances}; FLOP_min {outcome.flop_min / 1e9:,.1f} GFLOP; "
        f"peak {outcome.peak / 1e9:.0f} GFLOP/s; load average {outcome.load:.1f} at the start; "
        f"n={outcome.checked} requests against float64"
    )


def _rows(outcome: Outcome) -> list[list[str]]:
    baseline = next((r for r in outcome.results if r.title == _BASELINE and r.seconds), None)
    return [_row(outcome, result, baseline) for result in outcome.results]


def _row(outcome: Outcome, result: Result, baseline: Result | None) -> list[str]:
    if result.failure is not None:
        reason = result.failure.replace("|", "/")
        return [result.title, *["-"] * (len(_COLUMNS) - 2), f"failed: {reason}"]
    seconds = result.median_seconds
    requests = outcome.workload.requests
    tokens = sum(len(request.response_ids) for request in requests)
    return [
        result.title,
        f"{seconds:.2f}",
        f"{min(result.seconds):.2f}-{max(result.seconds):.2f}",
        f"{sorted(result.cpu_seconds)[len(result.cpu_seconds) // 2]:.1f}",
        f"{len(requests) / seconds:.1f}",
        f"{tokens / seconds:.0f}",
        f"{outcome.flop_min / (seconds * outcome.peak):.2f}",
        "-" if baseline is None else f"{baseline.median_seconds / seconds:.2f}",
        "-" if result.error is None else f"{result.error:.1e}",
        f"{result.peak_bytes / 1e6:.0f}",
        f"{(result.peak_bytes - outcome.shape.weight_bytes) / 1e6:.0f}",
        f"{(result.peak_bytes - result.loaded_bytes) / 1e6:.0f}",
        result.settings,
    ]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
