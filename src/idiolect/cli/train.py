"""`idiolect train`."""

import dataclasses
import json as json_format
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from idiolect.cli import options as o

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainFlags(o.Flags):
    """What is learned, and how."""

    data: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_OR_DATA", help="A run of `build`, or data with responses to learn."
        ),
        o.Sets("data.path"),
    ] = None
    limit: o.LimitOption = None
    preset: Annotated[
        str | None, typer.Option(help="default or paper."), o.Sets("training.preset")
    ] = None
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimizer steps."), o.Sets("training.max_steps")
    ] = None
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the rows."), o.Sets("training.epochs")
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Rows of one step."), o.Sets("training.batch_size")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(help="At its highest."), o.Sets("training.learning_rate")
    ] = None


@o.grouped
def command(
    own: TrainFlags,
    columns: o.ColumnFlags,
    target: o.LocalTargetFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    screen: o.ScreenFlags,
    test: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA", help="Refuse data whose prompts are trained on."),
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Write the merged model, too.")] = False,
    fresh: o.FreshOption = False,
) -> int:
    """Train a LoRA adapter on the chosen responses of a run, or on any data."""
    config = o.assemble(settings, own, columns, target, run)
    from idiolect.cli.progress import progress
    from idiolect.pipeline.train import train_command

    is_first = os.environ.get("RANK", "0") == "0"  # of several processes; it alone prints
    with progress(quiet=screen.quiet or not is_first) as report:
        outcome = train_command(config, test=test or (), merge=merge, fresh=fresh, report=report)
    result = outcome.result
    if not is_first:
        return 0
    if screen.json:
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
