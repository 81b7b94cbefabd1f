"""`idiolect compare`."""

import dataclasses
import json as js
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]

PromptsOption = Annotated[
    int | None, typer.Option("--prompts", "-n", min=2, help="Prompts to draw. Default: 50.")
]


def command(
    data: o.DataArgument = None,
    target: o.TargetOption = None,
    server: o.ServerOption = None,
    strategies: o.StrategiesOption = None,
    verifier: o.VerifierOption = None,
    measures: o.MeasuresOption = None,
    prompts: PromptsOption = None,
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
    retry_failed: o.RetryOption = False,
    allow_failing_references: o.AllowFailingOption = False,
    confirm_run_unsafe_code: o.UnsafeCodeOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Run the strategies on some prompts, and rank them by familiarity and cost."""
    settings = o.assemble(
        config,
        overrides,
        strategies=strategies,
        measures=measures,
        columns=columns,
        data__path=data,
        data__subset=subset,
        data__split=split,
        compare__prompts=prompts,
        target__model=target,
        target__server=server,
        target__format=format,
        target__device=device,
        verifier=verifier,
        output_dir=output_dir,
        seed=seed,
    )
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome, show_table
    from idiolect.pipeline.compare import compare
    from idiolect.pipeline.inputs import RunOptions
    from idiolect.pipeline.outcome import to_json

    options = RunOptions(
        fresh=fresh,
        retry_failed=retry_failed,
        allow_failing_references=allow_failing_references,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
    )
    with progress(quiet=quiet) as report:
        pilot = compare(settings, options=options, report=report)
    if json:
        found = dataclasses.asdict(pilot) | {"outcome": to_json(pilot.outcome)}
        print(js.dumps(found, indent=2, ensure_ascii=False))
        return 3 if pilot.outcome.bad_rows else 0
    code = show_outcome(pilot.outcome, as_json=False)
    rows = [
        [ranked.measure, name, f"{mean:.3f}", f"{ranked.best[name]:.2f}"]
        for ranked in pilot.ranking.measures
        for name, mean in ranked.means.items()
    ]
    print()
    show_table(["measure", "strategy", "mean", "best"], rows, pilot.words)
    return code
