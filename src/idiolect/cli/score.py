"""`idiolect score`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFlags(o.Flags):
    """What only `score` has: `-o` is the file there."""

    measures: o.MeasuresOption = None
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", help="Run directory. Default: runs/..."),
        o.Sets("output_dir", str),
    ] = None


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    target: o.TargetFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    own: ScoreFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
    responses: o.ResponsesOption = "all",
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file to write.")] = Path(
        "scores.jsonl"
    ),
) -> int:
    """Write the raw scores of every response, one row each."""
    config = o.assemble(settings, data, columns, target, check, own)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.score import score

    with progress(quiet=screen.quiet) as report:
        result = score(
            config,
            output,
            responses=o.names(responses),
            options=o.run_options(resume, check),
            report=report,
        )
    return show_outcome(result, as_json=screen.json)
