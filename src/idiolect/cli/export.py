"""`idiolect export`."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run of `build`.")],
    to: Annotated[
        str, typer.Option(help="trl, openai, axolotl, llama-factory or ms-swift.")
    ] = "trl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A .jsonl or .parquet file. Default: TO.jsonl in the run."
        ),
    ] = None,
) -> int:
    """Write the chosen responses of a run in a trainer's form, and a config that trains."""
    from idiolect.pipeline.export import export

    written = export(run, output, to=to)
    print(f"{written.rows} rows written to {written.path}")
    for path in written.files:
        print(f"written: {path}")
    if written.command:
        print(f"train, in {written.path.parent}: {written.command}")
    return 0
