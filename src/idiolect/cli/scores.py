"""What a person sees at the end of an evaluation."""

import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from idiolect.pipeline.evaluate import EvaluationOutcome, TaskRow

__all__ = ["show_evaluation"]

_PLAIN_WIDTH = 160


def show_evaluation(outcome: EvaluationOutcome) -> None:
    """Print the tables of an evaluation."""
    options: dict[str, Any] = {} if sys.stdout.isatty() else {"width": _PLAIN_WIDTH}
    console = Console(**options)
    console.print(f"model: {escape(outcome.model)} ({outcome.revision})\n", highlight=False)
    if outcome.tasks:
        headers = ["correct", "95 %", "incorrect", "unparsable", "error", "cut off", "tokens"]
        console.print(_table("task", headers, [_task_cells(row) for row in outcome.tasks]))
    if outcome.drifts:
        headers = ["n", "KL(base||tuned)", "KL(tuned||base)", "NLL base", "NLL tuned"]
        rows = [
            [
                f"{row.task}: {row.source}",
                str(row.responses),
                *(
                    f"{value:.4f}"
                    for value in (
                        row.kl_base_tuned,
                        row.kl_tuned_base,
                        row.base_nll,
                        row.tuned_nll,
                    )
                ),
            ]
            for row in outcome.drifts
        ]
        console.print("\ndrift, nats per token:")
        console.print(_table("responses", headers, rows))
    if outcome.suites:
        rows = [
            [row.suite, row.metric, f"{row.value:.4f}", _stderr(row.stderr), str(row.n)]
            for row in outcome.suites
        ]
        console.print()
        console.print(_table("suite", ["metric", "value", "stderr", "n"], rows))
    console.print(f"\nrun: {escape(str(outcome.run))}", highlight=False)


def _task_cells(row: TaskRow) -> list[str]:
    counts, interval = row.counts, row.interval
    rate = "-" if counts.rate is None else f"{counts.correct}/{counts.judged} {counts.rate:4.0%}"
    return [
        f"{row.task} ({row.verifier})",
        rate,
        f"{interval[0]:.0%}-{interval[1]:.0%}" if interval else "-",
        str(counts.incorrect),
        str(counts.unparsable),
        str(counts.error),
        str(row.cut_off),
        f"{row.tokens_out:.0f}",
    ]


def _stderr(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _table(first: str, headers: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
