"""`idiolect explain`."""

from pathlib import Path
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    example_id: Annotated[str, typer.Argument(metavar="ID", help="Id of an example.")],
    run: Annotated[Path, typer.Option("--run", "-r", help="Directory of the run.")],
    json: o.JsonOption = False,
) -> int:
    """Show everything that a run knows about one example."""
    from idiolect.cli.screen import show_explanation
    from idiolect.pipeline.explain import explain

    show_explanation(explain(run, example_id), as_json=json)
    return 0
