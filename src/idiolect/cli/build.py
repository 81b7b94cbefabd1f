"""`idiolect build`."""

from idiolect.cli import options as o

__all__ = ["command"]


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    target: o.TargetFlags,
    teacher: o.TeacherFlags,
    strategies: o.StrategyFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
    dry_run: o.DryRunOption = False,
) -> int:
    """Make, verify and score candidates; choose the most familiar correct ones."""
    config = o.assemble(settings, data, columns, target, teacher, strategies, check, run)
    if dry_run:
        from idiolect.cli.plan import show_plan

        return show_plan(config, as_json=screen.json)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.build import build

    with progress(quiet=screen.quiet) as report:
        result = build(config, options=o.run_options(resume, check), report=report)
    return show_outcome(result, as_json=screen.json, with_choices=True)
