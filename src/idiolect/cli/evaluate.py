"""`idiolect evaluate`."""

import dataclasses
import json as json_format
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA...", help="Test data, one task each: files or hub ids."),
    ] = None,
    target: o.TargetOption = None,
    adapter: Annotated[
        str | None, typer.Option(metavar="DIR", help="A PEFT adapter to put on the target.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Answers of each example.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(min=1, help="Of an answer.")] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Measure the KL between target and adapter.")
    ] = False,
    suites: Annotated[
        str | None, typer.Option(metavar="A,B", help="Tasks of lm-evaluation-harness.")
    ] = None,
    verifier: o.VerifierOption = None,
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
    retry_failed: o.RetryOption = False,
    allow_failing_references: o.AllowFailingOption = False,
    confirm_run_unsafe_code: o.UnsafeCodeOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Let a model answer test data, and check the answers."""
    settings = o.assemble(
        config,
        overrides,
        columns=columns,
        data__limit=limit,
        data__subset=subset,
        data__split=split,
        target__model=target,
        target__adapter=adapter,
        target__format=format,
        target__device=device,
        evaluation__samples=samples,
        evaluation__temperature=temperature,
        evaluation__max_new_tokens=max_new_tokens,
        evaluation__drift=drift or None,
        evaluation__suites=suites.split(",") if suites else None,
        verifier=verifier,
        output_dir=output_dir,
        seed=seed,
    )
    from idiolect.cli.progress import progress
    from idiolect.cli.scores import show_evaluation
    from idiolect.pipeline.evaluate import evaluate_command
    from idiolect.pipeline.inputs import RunOptions

    options = RunOptions(
        fresh=fresh,
        retry_failed=retry_failed,
        allow_failing_references=allow_failing_references,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
    )
    with progress(quiet=quiet) as report:
        outcome = evaluate_command(settings, data or (), options=options, report=report)
    if json:
        tree = dataclasses.asdict(outcome) | {"run": str(outcome.run)}
        print(json_format.dumps(tree, indent=2, ensure_ascii=False))
    else:
        show_evaluation(outcome)
    return 0
