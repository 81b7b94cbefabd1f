"""What a person sees at the end of a command."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from idiolect.familiarity import MEASURES
from idiolect.pipeline.explain import ExplainedCandidate, Explanation
from idiolect.pipeline.outcome import Outcome, to_json
from idiolect.pipeline.table import StrategyRow
from idiolect.pipeline.visible import visible

__all__ = ["exit_code", "show_explanation", "show_outcome", "show_table"]

_PLAIN_WIDTH = 160
_SHOWN_BAD_ROWS = 10


def show_outcome(outcome: Outcome, *, as_json: bool, with_choices: bool = False) -> int:
    """Print a result; return the exit code."""
    code = exit_code(outcome)
    if as_json:
        print(json.dumps(to_json(outcome), indent=2, ensure_ascii=False))
        _print_bad_rows(outcome)
        return code
    console = _console()
    console.print("mapping: " + escape("; ".join(outcome.mapping)), highlight=False)
    console.print("verifier: " + escape(outcome.verifier), highlight=False)
    console.print("scoring: " + escape(outcome.scoring) + "\n", highlight=False)
    _print_table(console, *_strategies_table(outcome, with_choices=with_choices))
    if extra := _extra_measures(outcome):
        console.print(_measure_legend(extra) + "\n", highlight=False)
    for sentence in outcome.words:
        console.print(escape(sentence), highlight=False)
    for sentence in outcome.notes:
        console.print(escape(sentence), highlight=False)
    if outcome.hygiene:
        console.print("\nhygiene:")
    for finding in outcome.hygiene:
        console.print("  " + escape(finding), highlight=False)
    for warning in outcome.warnings:
        console.print("[yellow]warning:[/yellow] " + escape(warning), highlight=False)
    if with_choices:
        console.print(f"\n{outcome.chosen} of {outcome.examples} examples have a chosen response.")
    if outcome.exported:
        console.print(f"written: {escape(str(outcome.exported))}", highlight=False)
    console.print(f"run: {escape(str(outcome.run))}", highlight=False)
    _print_bad_rows(outcome)
    return code


def exit_code(outcome: Outcome) -> int:
    """Return the exit code.

    3 when some input could not be used, 2 when the money was used up, 1 when rows failed that
    may succeed on another try.
    """
    if outcome.bad_rows:
        return 3
    if outcome.cap_reached:
        return 2
    return 1 if outcome.may_retry else 0


def show_explanation(explanation: Explanation, *, as_json: bool) -> None:
    """Print the receipts of one example."""
    if as_json:
        print(json.dumps(dataclasses.asdict(explanation), indent=2, ensure_ascii=False))
        return
    console = _console()
    example = explanation.example
    console.print(f"[bold]{_shown(example.id)}[/bold]", highlight=False)
    for message in example.messages:
        console.print(f"[dim]{message.role}:[/dim] {_shown(message.content)}", highlight=False)
    if example.answer is not None:
        console.print(f"[dim]answer:[/dim] {_shown(example.answer)}", highlight=False)
    for explained in explanation.candidates:
        console.print()
        for line in _candidate_lines(explained):
            console.print(line, highlight=False)
    if any(explained.chosen for explained in explanation.candidates):
        console.print("\n[green]*[/green] chosen", highlight=False)
    for reason in explanation.failures:
        console.print("[yellow]failed:[/yellow] " + _shown(reason), highlight=False)


def _shown(text: str) -> str:
    """Return a text from data or a model as the terminal shows it, and does not obey it."""
    return escape(visible(text))


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str]) -> None:
    """Print a table, names on the left and numbers on the right, and sentences below it.

    Columns that the screen has no room for follow in a table of their own.
    """
    console = _console()
    _print_table(console, headers, rows)
    for sentence in words:
        console.print(escape(sentence), highlight=False)


def _print_table(console: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for places in _fitting(headers, rows, console.width):
        table = Table(box=None, pad_edge=False, header_style="bold")
        for place in places:
            side = "right" if place else "left"
            table.add_column(escape(headers[place]), justify=side, no_wrap=True)
        for row in rows:
            table.add_row(*(escape(row[place]) for place in places))
        console.print(table)
        console.print()


def _fitting(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """Return the columns of each table, the names in front of every one."""
    widths = [max(map(len, column)) + 2 for column in zip(headers, *rows, strict=True)]
    tables = [[0]]
    for place in range(1, len(headers)):
        taken = sum(widths[each] for each in (*tables[-1], place))
        if taken > width and len(tables[-1]) > 1:
            tables.append([0])
        tables[-1].append(place)
    return tables


def _strategies_table(outcome: Outcome, *, with_choices: bool) -> tuple[list[str], list[list[str]]]:
    extra = _extra_measures(outcome)
    headers = ["strategy", "n", "correct", "incorrect", "unparsable", "perplexity", "95 %"]
    headers += ["median", "p95", "bits/byte", "tokens", *(_measure_header(name) for name in extra)]
    with_own = any(row.edit_distance_to_own is not None for row in outcome.table)
    headers += ["edit to own"] if with_own else []
    headers += ["chosen"] if with_choices else []
    rows: list[list[str]] = []
    for row in outcome.table:
        cells = [row.strategy, str(row.n), *_verdict_cells(row), *_perplexity_cells(row)]
        cells += [_number(row.bits_per_byte, 3), _number(row.tokens, 0)]
        cells += [_number(row.measures.get(name), 3) for name in extra]
        cells += [_number(row.edit_distance_to_own, 2)] if with_own else []
        cells += [str(row.chosen)] if with_choices else []
        rows.append(cells)
    return headers, rows


def _extra_measures(outcome: Outcome) -> list[str]:
    return sorted({name for row in outcome.table for name in row.measures})


def _measure_header(name: str) -> str:
    """Return the name with an arrow in the direction in which a response is more familiar."""
    return name + {"lower": " ↓", "higher": " ↑", "neither": ""}[MEASURES[name].familiar]


def _measure_legend(names: Iterable[str]) -> str:
    """Return what the arrows mean, and the units."""
    units = [f"{name} in {MEASURES[name].unit}" for name in names if MEASURES[name].unit]
    return "; ".join(["↓ lower is more familiar", *units])


def _verdict_cells(row: StrategyRow) -> list[str]:
    if not row.verdicts:
        return ["-", "-", "-"]
    judged = sum(n for status, n in row.verdicts.items() if status not in ("unchecked", "error"))
    correct = row.verdicts.get("correct", 0)
    rate = f"{correct}/{judged} {correct / judged:4.0%}" if judged else "-"
    return [
        rate,
        str(row.verdicts.get("incorrect", 0)),
        str(row.verdicts.get("unparsable", 0)),
    ]


def _perplexity_cells(row: StrategyRow) -> list[str]:
    summary = row.perplexity
    if summary is None:
        return ["-", "-", "-", "-"]
    interval = summary.interval
    return [
        f"{summary.mean:.2f}",
        f"{interval[0]:.2f}-{interval[1]:.2f}" if interval else "-",
        f"{summary.median:.2f}",
        f"{summary.p95:.2f}",
    ]


def _candidate_lines(explained: ExplainedCandidate) -> list[str]:
    candidate, verdict = explained.candidate, explained.verdict
    mark = "[green]*[/green]" if explained.chosen else " "
    facts: list[str] = [verdict.status if verdict else "unchecked"]
    if verdict and verdict.extracted is not None:
        facts.append(f"read {verdict.extracted!r} by {verdict.rule}")
    if explained.perplexity is not None:
        facts.append(f"perplexity {explained.perplexity:.2f}, {explained.tokens} tokens")
    if explained.edit_distance_to_own is not None:
        facts.append(f"edit distance to own {explained.edit_distance_to_own:.2f}")
    if candidate.model:
        revision = f" ({candidate.revision})" if candidate.revision else ""
        facts.append(f"by {candidate.model}{revision}")
    if candidate.cost_usd:
        facts.append(f"${candidate.cost_usd:,.4f}")
    if candidate.finish_reason == "length":
        facts.append("cut off at the token limit")
    lines = [f"{mark} [bold]{_shown(candidate.strategy)}[/bold]: {_shown('; '.join(facts))}"]
    if explained.reason:
        lines.append(f"  {_shown(explained.reason)}")
    if explained.failure:
        lines.append(f"  [yellow]failed:[/yellow] {_shown(explained.failure)}")
    return [*lines, *("  | " + _shown(line) for line in candidate.text.split("\n"))]


def _print_bad_rows(outcome: Outcome) -> None:
    for message in outcome.bad_rows[:_SHOWN_BAD_ROWS]:
        print(f"DataError: {message}", file=sys.stderr)
    hidden = len(outcome.bad_rows) - _SHOWN_BAD_ROWS
    if hidden > 0:
        print(f"DataError: and {hidden} more, see --json", file=sys.stderr)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _console() -> Console:
    # A pipe has no width; a table that is cut to 80 columns there helps nobody.
    options: dict[str, Any] = {} if sys.stdout.isatty() else {"width": _PLAIN_WIDTH}
    return Console(**options)
