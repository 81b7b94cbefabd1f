"""`idiolect init`."""

from pathlib import Path
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    data: o.DataArgument = None,
    target: o.TargetOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "idiolect.yaml"
    ),
) -> int:
    """Write a commented configuration file with every key; never over one that is there."""
    from idiolect.pipeline.init import init

    path = init(output, data=data, target=target)
    print(f"written: {path}")
    print(f"next: idiolect doctor -c {path}")
    return 0
