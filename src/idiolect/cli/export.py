"""`idiolect export`."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run of `build`.")],
    to: Annotated[str, typer.Option(help="trl or openai.")] = "trl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: TO.jsonl in the run.")
    ] = None,
) -> int:
    """Write the chosen responses of a run in a trainer's form."""
    from idiolect.pipeline.export import export

    path, rows = export(run, output or run / f"{to}.jsonl", to=to)
    print(f"{rows} rows written to {path}")
    return 0
