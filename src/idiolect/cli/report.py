"""`idiolect report`."""

from pathlib import Path
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the run.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The HTML file. Default: report.html in RUN."),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, help="Examples that can be looked at in the page.")
    ] = 200,
    seed: o.SeedOption = None,
    json: o.JsonOption = False,
) -> int:
    """Write one self-contained HTML page about a run."""
    import dataclasses
    from json import dumps

    from idiolect.report import write_report

    written = write_report(run, output, examples=examples, seed=seed or 0)
    if json:
        print(dumps(dataclasses.asdict(written) | {"path": str(written.path)}, indent=2))
        return 0
    print(written.headline)
    print(
        f"written: {written.path} ({written.bytes / 1e6:.1f} MB, "
        f"{written.examples} of {written.of} examples)"
    )
    return 0
