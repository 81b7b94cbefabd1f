"""`idiolect study`."""

import json as js
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]

JobsOption = Annotated[
    int, typer.Option("--jobs", "-j", min=1, help="Processes that train and answer.")
]


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    target: o.LocalTargetFlags,
    teacher: o.TeacherFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
    jobs: JobsOption = 1,
) -> int:
    """Train and test several datasets under one budget, and say which is better."""
    config = o.assemble(settings, data, columns, target, teacher, check, run)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_table
    from idiolect.pipeline.study import study
    from idiolect.pipeline.study.page import result_table, to_json

    with progress(quiet=screen.quiet) as report:
        result = study(config, options=o.run_options(resume, check), jobs=jobs, report=report)
    if screen.json:
        tree = {"run": str(result.run), **to_json(result.found, result.words)}
        print(js.dumps(tree, indent=2, ensure_ascii=False))
        return 0
    show_table(*result_table(result.found), words=result.words)
    print(f"\nwritten: {result.page}\nrun: {result.run}")
    return 0
