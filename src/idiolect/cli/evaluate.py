"""`idiolect evaluate`."""

import dataclasses
import json as json_format
from dataclasses import dataclass
from typing import Annotated

import typer

from idiolect.cli import options as o

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateFlags(o.Flags):
    """How the answers are drawn, and what else is measured."""

    adapter: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="A PEFT adapter to put on the target."),
        o.Sets("target.adapter"),
    ] = None
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Answers of each example."),
        o.Sets("evaluation.samples"),
    ] = None
    temperature: Annotated[
        float | None, typer.Option(help="0 is greedy."), o.Sets("evaluation.temperature")
    ] = None
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of an answer."), o.Sets("evaluation.max_new_tokens")
    ] = None
    drift: Annotated[
        bool,
        typer.Option("--drift", help="Measure the KL between target and adapter."),
        o.Sets("evaluation.drift"),
    ] = False
    suites: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Tasks of lm-evaluation-harness."),
        o.Sets("evaluation.suites", o.names),
    ] = None
    limit: o.LimitOption = None
    max_cost: o.MaxCostOption = None


@o.grouped
def command(
    target: o.LocalTargetFlags,
    own: EvaluateFlags,
    columns: o.ColumnFlags,
    check: o.CheckFlags,
    settings: o.SettingsFlags,
    run: o.RunFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA...", help="Test data, one task each: files or hub ids."),
    ] = None,
) -> int:
    """Let a model answer test data, and check the answers."""
    config = o.assemble(settings, target, own, columns, check, run)
    from idiolect.cli.progress import progress
    from idiolect.cli.scores import show_evaluation
    from idiolect.pipeline.evaluate import evaluate_command

    with progress(quiet=screen.quiet) as report:
        outcome = evaluate_command(
            config, data or (), options=o.run_options(resume, check), report=report
        )
    if screen.json:
        tree = dataclasses.asdict(outcome) | {"run": str(outcome.run)}
        print(json_format.dumps(tree, indent=2, ensure_ascii=False))
    else:
        show_evaluation(outcome)
    return 0
