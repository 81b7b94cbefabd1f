"""`idiolect score`."""

from pathlib import Path
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    data: o.DataArgument = None,
    target: o.TargetOption = None,
    server: o.ServerOption = None,
    responses: Annotated[
        str, typer.Option(metavar="all|A,B", help="`reference` and names of response columns.")
    ] = "all",
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file to write.")] = Path(
        "scores.jsonl"
    ),
    measures: o.MeasuresOption = None,
    verifier: o.VerifierOption = None,
    limit: o.LimitOption = None,
    columns: o.ColumnsOption = None,
    subset: o.SubsetOption = None,
    split: o.SplitOption = None,
    format: o.FormatOption = None,
    device: o.DeviceOption = None,
    config: o.ConfigOption = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="Run directory. Default: runs/...")
    ] = None,
    overrides: o.SetOption = None,
    fresh: o.FreshOption = False,
    retry_failed: o.RetryOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Write the raw scores of every response, one row each."""
    settings = o.assemble(
        config,
        overrides,
        measures=measures,
        columns=columns,
        verifier=verifier,
        data__path=data,
        data__limit=limit,
        data__subset=subset,
        data__split=split,
        target__model=target,
        target__server=server,
        target__format=format,
        target__device=device,
        output_dir=output_dir,
    )
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.inputs import RunOptions
    from idiolect.pipeline.score import score

    names = [name.strip() for name in responses.split(",") if name.strip()]
    with progress(quiet=quiet) as report:
        result = score(
            settings,
            output,
            responses=names,
            options=RunOptions(fresh=fresh, retry_failed=retry_failed),
            report=report,
        )
    return show_outcome(result, as_json=json)
