"""`idiolect train`."""

import dataclasses
import json as json_format
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_OR_DATA", help="A run of `build`, or data with responses to learn."
        ),
    ] = None,
    target: o.TargetOption = None,
    preset: Annotated[str | None, typer.Option(help="default or paper.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the rows.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows of one step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA", help="Refuse data whose prompts are trained on."),
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Write the merged model, too.")] = False,
    limit: o.LimitOption = None,
    columns: o.ColumnsOption = None,
    subset: o.SubsetOption = None,
    split: o.SplitOption = None,
    format: o.FormatOption = None,
    device: o.DeviceOption = None,
    config: o.ConfigOption = None,
    output_dir: o.OutputDirOption = None,
    seed: o.SeedOption = None,
    overrides: o.SetOption = None,
    fresh: o.FreshOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Train a LoRA adapter on the chosen responses of a run, or on any data."""
    settings = o.assemble(
        config,
        overrides,
        columns=columns,
        data__path=data,
        data__limit=limit,
        data__subset=subset,
        data__split=split,
        target__model=target,
        target__format=format,
        target__device=device,
        training__preset=preset,
        training__max_steps=steps,
        training__epochs=epochs,
        training__batch_size=batch_size,
        training__learning_rate=learning_rate,
        output_dir=output_dir,
        seed=seed,
    )
    from idiolect.cli.progress import progress
    from idiolect.pipeline.train import train_command

    with progress(quiet=quiet or os.environ.get("RANK", "0") != "0") as report:
        outcome = train_command(settings, test=test or (), merge=merge, fresh=fresh, report=report)
    result = outcome.result
    if os.environ.get("RANK", "0") != "0":  # one of several processes; the first one prints
        return 0
    if json:
        print(json_format.dumps(_plain(dataclasses.asdict(outcome)), indent=2))
        return 0
    skipped = f" ({outcome.skipped} examples have none)" if outcome.skipped else ""
    print(f"data: {outcome.source}")
    print(f"rows: {outcome.rows}{skipped}, {result.tokens} trained tokens an epoch")
    print(
        f"loss: {result.first_loss:.4f} nats/token before the first step, "
        f"{result.losses[-1]:.4f} before the last of {result.steps}; {result.seconds:.0f} s"
    )
    print(f"adapter: {result.adapter}")
    if result.merged:
        print(f"merged: {result.merged}")
    return 0


def _plain(value: Any) -> Any:
    """Return a result as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
