"""`idiolect plan`."""

import dataclasses
import json as json_module
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idiolect.cli import options as o
from idiolect.config import Config

if TYPE_CHECKING:
    from idiolect.pipeline.study.planned import PlannedTraining

__all__ = ["command", "show_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFlags(o.Flags):
    """Who is asked, and for what."""

    target: o.TargetOption = None
    teacher: o.TeacherOption = None
    strategies: o.StrategiesOption = None
    verifier: o.VerifierOption = None
    judge: o.JudgeOption = None
    seed: o.SeedOption = None


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    asked: PlanFlags,
    settings: o.SettingsFlags,
    json: o.JsonOption = False,
) -> int:
    """Show what `build` or `study` would ask, and what it would cost. Costs nothing."""
    config = o.assemble(settings, data, columns, asked)
    return show_plan(config, as_json=json)


def show_plan(config: Config, *, as_json: bool) -> int:
    """Print a plan; return the exit code."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from idiolect.pipeline.estimates import Range
    from idiolect.pipeline.plan import plan
    from idiolect.pipeline.visible import visible

    found = plan(config)
    if as_json:
        print(json_module.dumps(dataclasses.asdict(found), indent=2, ensure_ascii=False))
        return 0
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    for name, role, messages in found.first:
        console.print(f"[bold]{escape(name)}[/bold] asks the {role} first:")
        for message in messages:
            console.print(f"  [dim]{message.role}:[/dim]")
            for line in visible(message.content).splitlines():
                console.print("  | " + escape(line))
        console.print()

    def cell(values: Range | None, form: str = ",.0f") -> str:
        if values is None:
            return "unknown"
        return " / ".join(format(v, form) for v in (values.low, values.expected, values.high))

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("strategy", "asks", "requests", "tokens in", "tokens out", "US dollars"):
        table.add_column(header)
    for row in found.requests:
        cells = [row.strategy, row.model, cell(row.requests), cell(row.tokens_in)]
        cells += [cell(row.tokens_out), cell(row.usd, ".4f")]
        table.add_row(*(escape(text) for text in cells))
    console.print(table)
    for row in found.requests:
        if row.assumption != "one request each":
            console.print(f"{escape(row.strategy)}: expected where {row.assumption}")
    console.print(
        f"\n{found.examples} examples; each cell: low / expected / high. Tokens are estimates, "
        "at four characters each."
    )
    why = escape(found.answer.why)
    console.print(f"An answer is taken to be {found.answer.tokens:.0f} tokens long, {why}.")
    if found.training is not None:
        console.print(_training_words(found.training))
    if found.missing:
        console.print(
            f"not on this machine, and not fetched: {escape(', '.join(found.missing))}. The number "
            "of rows is known; their length is that of one invented row, which is shown above."
        )
    total = "unknown" if found.usd is None else f"${cell(found.usd, '.4f')}"
    console.print(f"price of all: {total}")
    return 0


def _training_words(training: "PlannedTraining") -> str:
    size = (
        ""
        if training.detectable is None
        else (
            f"\nsize: one comparison on {training.test_examples:,} test examples finds a true "
            f"difference of {100 * training.detectable:.1f} points with 80 % probability, if the "
            "two differ on a quarter of them and seeds do not differ; several comparisons need more"
        )
    )
    return (
        f"study: {training.cells} trainings of {training.steps:,} steps, on {training.rows:,} rows "
        f"at most; the target answers {training.test_answers:,} test prompts and "
        f"{training.validation_answers:,} validation prompts{size}"
    )
