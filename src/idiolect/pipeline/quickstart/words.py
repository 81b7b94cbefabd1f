"""What a quickstart found, in a small table and in words."""

from collections.abc import Sequence

from idiolect.pipeline.study.results import DatasetResult, Found
from idiolect.statistics import Comparison

__all__ = ["sentences", "table"]


def table(found: Found) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows that fit into 80 columns; the model before training first."""
    headers = ["trained on", "correct", "perplexity", "solves", "gain (95 %)", "elsewhere (95 %)"]
    base = ["nothing", "", "", _percent(found.base["test"].rate), "", ""]
    return headers, [base, *(_row(found, each) for each in found.datasets)]


def sentences(found: Found) -> list[str]:
    """Return one sentence for each dataset, and the verdict last."""
    return [*(_sentence(found, each) for each in found.datasets), _verdict(found)]


def _row(found: Found, result: DatasetResult) -> list[str]:
    facts = result.facts
    return [
        result.name,
        f"{facts.correct}/{facts.checked}",
        "-" if facts.perplexity is None else f"{facts.perplexity:.2f}",
        _percent(result.test.rate),
        _points(_of(found.gains, result.name)),
        _points(_of(found.losses, result.name)),
    ]


def _sentence(found: Found, result: DatasetResult) -> str:
    before, after = _percent(found.base["test"].rate), _percent(result.test.rate)
    gain, lost = _of(found.gains, result.name), _of(found.losses, result.name)
    return (
        f"{result.name}: {_said(gain)} on the task ({before} before, {after} after), "
        f"{_said(lost)} on the other skills."
    )


def _said(comparison: Comparison) -> str:
    return "no change is shown" if comparison.verdict == "cannot tell" else comparison.verdict


def _verdict(found: Found) -> str:
    """Name what may be trained on: better on the task, and not worse elsewhere."""
    good = [
        each
        for each in found.datasets
        if _of(found.gains, each.name).verdict == "better"
        and _of(found.losses, each.name).verdict != "worse"
    ]
    if not good:
        return "Verdict: no dataset is shown to help without making the model worse elsewhere."
    best = max(good, key=lambda each: each.gain)
    others = [each.name for each in found.datasets if _beats(found.pairs, best.name, each.name)]
    beaten = f", and better than {_list(others)}" if others else ""
    return (
        f"Verdict: train on {best.name}. It makes the model better on the task{beaten}, and is not "
        "shown to cost anything on the other skills."
    )


def _beats(pairs: Sequence[Comparison], one: str, other: str) -> bool:
    return any(
        (c.first, c.second, c.verdict) in ((one, other, "better"), (other, one, "worse"))
        for c in pairs
    )


def _of(comparisons: Sequence[Comparison], name: str) -> Comparison:
    return next(c for c in comparisons if c.first == name)


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _points(comparison: Comparison) -> str:
    gap = comparison.difference
    return f"{100 * gap.mean:+.0f} ({100 * gap.low:+.0f} to {100 * gap.high:+.0f})"


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f} %"
