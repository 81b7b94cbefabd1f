"""`idiolect compare`."""

import dataclasses
import json as js
from dataclasses import dataclass
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFlags(o.Flags):
    """What the prompts are drawn from."""

    data: o.DataArgument = None
    prompts: Annotated[
        int | None,
        typer.Option("--prompts", "-n", min=2, help="Prompts to draw. Default: 50."),
        o.Sets("compare.prompts"),
    ] = None


@o.grouped
def command(
    data: PilotFlags,
    columns: o.ColumnFlags,
    target: o.TargetFlags,
    teacher: o.TeacherFlags,
    strategies: o.StrategyFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
) -> int:
    """Run the strategies on some prompts, and rank them by familiarity and cost."""
    config = o.assemble(settings, data, columns, target, teacher, strategies, check, run)
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import exit_code, show_outcome, show_table
    from idiolect.pipeline.compare import compare
    from idiolect.pipeline.outcome import to_json

    with progress(quiet=screen.quiet) as report:
        pilot = compare(config, options=o.run_options(resume, check), report=report)
    if screen.json:
        found = dataclasses.asdict(pilot) | {"outcome": to_json(pilot.outcome)}
        print(js.dumps(found, indent=2, ensure_ascii=False))
        return exit_code(pilot.outcome)
    code = show_outcome(pilot.outcome, as_json=False)
    rows = [
        [ranked.measure, name, f"{mean:.3f}", f"{ranked.best[name]:.2f}"]
        for ranked in pilot.ranking.measures
        for name, mean in ranked.means.items()
    ]
    print()
    show_table(["measure", "strategy", "mean", "best"], rows, pilot.words)
    return code
