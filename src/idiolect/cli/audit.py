"""`idiolect audit`."""

from idiolect.cli import options as o

__all__ = ["command"]


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    target: o.TargetFlags,
    strategies: o.StrategyFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
) -> int:
    """Score every response of the data under the target and say which are foreign."""
    config = o.assemble(settings, data, columns, target, strategies, check, run)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.audit import audit

    with progress(quiet=screen.quiet) as report:
        result = audit(config, options=o.run_options(resume, check), report=report)
    return show_outcome(result, as_json=screen.json)
