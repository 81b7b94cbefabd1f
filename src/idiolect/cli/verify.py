"""`idiolect verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idiolect.cli import options as o

if TYPE_CHECKING:
    from idiolect.pipeline.verify import Verification

__all__ = ["command"]

_PLAIN_WIDTH = 160


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    screen: o.ScreenFlags,
    responses: o.ResponsesOption = "all",
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file to write.")] = Path(
        "verdicts.jsonl"
    ),
) -> int:
    """Check every response against its example; only `judge` needs a model."""
    config = o.assemble(settings, data, columns, check)
    from idiolect.cli.progress import progress
    from idiolect.pipeline.verify import verify

    with progress(quiet=screen.quiet) as report:
        result = verify(
            config,
            output,
            responses=o.names(responses),
            confirm_run_unsafe_code=check.confirm_run_unsafe_code,
            allow_failing_references=check.allow_failing_references,
            report=report,
        )
    return _show(result, as_json=screen.json)


def _show(result: "Verification", *, as_json: bool) -> int:
    """Print the counts; return the exit code: 3 when some rows could not be used."""
    import sys

    for problem in result.bad_rows:
        print(f"not used: {problem}", file=sys.stderr)
    code = 3 if result.bad_rows else 0
    if as_json:
        import dataclasses
        import json

        print(json.dumps(dataclasses.asdict(result), indent=2, ensure_ascii=False, default=str))
        return code
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # Off a terminal there is no width to keep to, and a cut column would lose counts.
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    console.print(f"verifier: {escape(result.verifier)} ({escape(result.reason)})", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("strategy", no_wrap=True)
    statuses = ("correct", "incorrect", "unparsable", "unchecked", "error")
    for header in ("n", *statuses, "rate"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in result.strategies:
        counts = [row.counts.get(status, 0) for status in statuses]
        rate = f"{counts[0] / row.judged:.1%}" if row.judged else "-"
        table.add_row(escape(row.strategy), str(row.n), *map(str, counts), rate)
    console.print(table)
    if not any(row.judged for row in result.strategies):
        console.print(
            "[yellow]warning:[/yellow] this verifier finds nothing to check against in these data; "
            "the reasons are in the file",
            highlight=False,
        )
    failing = [row for row in result.references.failing if row.contradicts_label]
    if failing:
        ids = ", ".join(row.example_id for row in failing[:5])
        console.print(
            f"[yellow]warning:[/yellow] {len(failing)} labels are contradicted by their reference: "
            f"{escape(ids)}",
            highlight=False,
        )
    console.print(f"written: {escape(str(result.output))}", highlight=False)
    return code
