"""`idiolect study`."""

import json as js
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]

JobsOption = Annotated[
    int, typer.Option("--jobs", "-j", min=1, help="Processes that train and answer.")
]


def command(
    data: o.DataArgument = None,
    target: o.TargetOption = None,
    device: o.DeviceOption = None,
    limit: o.LimitOption = None,
    config: o.ConfigOption = None,
    output_dir: o.OutputDirOption = None,
    seed: o.SeedOption = None,
    overrides: o.SetOption = None,
    jobs: JobsOption = 1,
    fresh: o.FreshOption = False,
    retry_failed: o.RetryOption = False,
    allow_failing_references: o.AllowFailingOption = False,
    confirm_run_unsafe_code: o.UnsafeCodeOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Train and test several datasets under one budget, and say which is better."""
    settings = o.assemble(
        config,
        overrides,
        data__path=data,
        data__limit=limit,
        target__model=target,
        target__device=device,
        output_dir=output_dir,
        seed=seed,
    )
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_table
    from idiolect.pipeline.inputs import RunOptions
    from idiolect.pipeline.study import study
    from idiolect.pipeline.study.page import result_table, to_json

    options = RunOptions(
        fresh=fresh,
        retry_failed=retry_failed,
        allow_failing_references=allow_failing_references,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
    )
    with progress(quiet=quiet) as report:
        result = study(settings, options=options, jobs=jobs, report=report)
    if json:
        tree = {"run": str(result.run), **to_json(result.found, result.words)}
        print(js.dumps(tree, indent=2, ensure_ascii=False))
        return 0
    show_table(*result_table(result.found), words=result.words)
    print(f"\nwritten: {result.page}\nrun: {result.run}")
    return 0
