"""`idiolect build`."""

from idiolect.cli import options as o

__all__ = ["command"]


def command(
    data: o.DataArgument = None,
    target: o.TargetOption = None,
    teacher: o.TeacherOption = None,
    server: o.ServerOption = None,
    strategies: o.StrategiesOption = None,
    verifier: o.VerifierOption = None,
    judge: o.JudgeOption = None,
    measures: o.MeasuresOption = None,
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
    max_cost: o.MaxCostOption = None,
    dry_run: o.DryRunOption = False,
    fresh: o.FreshOption = False,
    retry_failed: o.RetryOption = False,
    allow_failing_references: o.AllowFailingOption = False,
    confirm_run_unsafe_code: o.UnsafeCodeOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> int:
    """Make, verify and score candidates; choose the most familiar correct ones."""
    settings = o.assemble(
        config,
        overrides,
        strategies=strategies,
        measures=measures,
        columns=columns,
        data__path=data,
        data__limit=limit,
        data__subset=subset,
        data__split=split,
        target__model=target,
        target__server=server,
        teacher__model=teacher,
        max_cost=max_cost,
        target__format=format,
        target__device=device,
        verifier=verifier,
        judge=judge,
        output_dir=output_dir,
        seed=seed,
    )
    if dry_run:
        from idiolect.cli.plan import show_plan

        return show_plan(settings, as_json=json)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.build import build
    from idiolect.pipeline.inputs import RunOptions

    options = RunOptions(
        fresh=fresh,
        retry_failed=retry_failed,
        allow_failing_references=allow_failing_references,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
    )
    with progress(quiet=quiet) as report:
        result = build(settings, options=options, report=report)
    return show_outcome(result, as_json=json, with_choices=True)
