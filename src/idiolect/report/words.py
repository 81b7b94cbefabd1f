"""Numbers and verdicts as a reader sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from idiolect.pipeline.reading import Standing
from idiolect.pipeline.table import StrategyRow
from idiolect.pipeline.visible import visible
from idiolect.report.facts import Facts
from idiolect.report.study import Effect, StudyFacts
from idiolect.statistics import rate_interval

__all__ = [
    "Correct",
    "Headline",
    "headline",
    "number",
    "percent",
    "plain",
    "signed",
    "usd",
    "verdict_cell",
    "visible",
]

_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The verdict in words."""

    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """How many checked responses of a strategy are correct."""

    correct: int
    checked: int
    low: float
    """Lower end of the 95 % Wilson interval."""

    high: float
    incorrect: int
    unparsable: int

    @property
    def rate(self) -> float:
        """Share of the checked ones."""
        return self.correct / self.checked


_REFERENCE: dict[Standing, str] = {
    "foreign": "The references are foreign to {target}.",
    "less familiar": "The references are less familiar to {target} than {native}, but not foreign.",
    "about as familiar": "The references are about as familiar to {target} as {native}.",
    "most familiar": "The references are the most familiar responses to {target}.",
    "cannot tell": "Cannot tell whether the references are foreign to {target}.",
    "alone": "There is nothing to compare the references with.",
}


def headline(facts: Facts) -> Headline:
    """Return the one sentence that a reader should take home, and the one that supports it."""
    if facts.study and facts.study.rows:
        return _of_study(facts.study)
    if not facts.readings:
        return Headline(text="Nothing was scored.", detail="The run holds no measurement.")
    native = facts.readings[0]
    reference = next((r for r in facts.readings if r.strategy == "reference"), None)
    if reference is None:
        return Headline(
            text=f"{native.strategy} is the most familiar to {facts.target}.", detail=""
        )
    text = _REFERENCE[reference.standing].format(target=facts.target, native=native.strategy)
    return Headline(text=text, detail=_sentence_case(reference.sentence))


def _of_study(study: StudyFacts) -> Headline:
    """Name the dataset that taught most of those that are not shown to cost anything elsewhere."""
    better = [row for row in study.rows if row.gain.verdict == "better"]
    if not better:
        worse = [row.dataset for row in study.rows if row.gain.verdict == "worse"]
        detail = f"Worse than before training: {', '.join(worse)}." if worse else ""
        return Headline(text="No dataset is shown to help on the task.", detail=detail)
    harmless = [r for r in better if r.forgetting is None or r.forgetting.verdict != "worse"]
    best = max(harmless or better, key=lambda row: row.gain.value)
    helped = "helped" if harmless else "helped, at the cost of other tasks"
    if harmless and len(better) > 1 and best is max(better, key=lambda row: row.gain.value):
        helped = "helped most"
    text = f"Training on {best.dataset} {helped}: {signed(best.gain.value)} points on the task."
    task = f"On the task {_points(best.gain)}."
    lost = best.forgetting
    elsewhere = {
        "better": "it is better there too",
        "worse": "something was forgotten",
        "cannot tell": "nothing is shown to be forgotten",
    }
    others = f"On the other tasks {elsewhere[lost.verdict]}: {_points(lost)}." if lost else ""
    rest = [
        f"{row.dataset} {signed(row.gain.value)} points ({row.gain.verdict})"
        for row in study.rows
        if row is not best
    ]
    against = f"The task after the other datasets: {', '.join(rest)}." if rest else ""
    return Headline(text=text, detail=" ".join(filter(None, (task, others, against))))


def _points(effect: Effect) -> str:
    interval = f"95 % {signed(effect.low)} to {signed(effect.high)}"
    seeds = f"{effect.seeds} seed{'s' * (effect.seeds != 1)}"
    return f"{signed(effect.value)} points ({interval}, n = {effect.n}, {seeds})"


def verdict_cell(row: StrategyRow) -> Correct | None:
    """Return the checked responses of a strategy; None where none was checked."""
    counts = {
        status: row.verdicts.get(status, 0) for status in ("correct", "incorrect", "unparsable")
    }
    checked = sum(counts.values())
    if not checked:
        return None
    low, high = rate_interval(counts["correct"], checked)
    return Correct(
        correct=counts["correct"],
        checked=checked,
        low=low,
        high=high,
        incorrect=counts["incorrect"],
        unparsable=counts["unparsable"],
    )


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed digits; a dash for none."""
    return "–" if value is None else f"{value:,.{digits}f}".replace("-", _MINUS)


def plain(value: Any) -> str:
    """Return an entry of the manifest in words: no brackets, and nothing that is empty."""
    if isinstance(value, Mapping):
        entries = cast(Mapping[str, Any], value).items()
        return "; ".join(f"{k} {plain(v)}" for k, v in entries if plain(v))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(plain(each) for each in cast(Sequence[Any], value))
    return "" if value is None else str(value)


def signed(value: float) -> str:
    """Return a difference with its sign and one digit."""
    return f"{value:+.1f}".replace("-", _MINUS)


def percent(value: float | None) -> str:
    """Return a share in percent; a dash for none."""
    return "–" if value is None else f"{value:.0%}".replace("%", " %")


def usd(value: float | None) -> str:
    """Return an amount of money: `free`, `unknown`, or dollars with the digits that matter."""
    if value is None:
        return "unknown"
    if value == 0:
        return "free"
    return f"${value:,.4f}" if value < 1 else f"${value:,.2f}"


def _sentence_case(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
