"""`idiolect retarget`."""

import dataclasses
import json as json_module
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idiolect.cli import options as o
from idiolect.errors import ConfigError

if TYPE_CHECKING:
    from idiolect.pipeline.retarget import Retargeted

__all__ = ["command"]


@o.grouped
def command(
    target: o.TargetFlags,
    resume: o.ResumeFlags,
    screen: o.ScreenFlags,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run of `build`.")],
    overrides: o.SetOption = None,
    output_dir: o.OutputDirOption = None,
) -> int:
    """Choose again for another target: same candidates, one scoring pass, nothing paid."""
    config = o.assemble(o.SettingsFlags(overrides=overrides), target)
    if dataclasses.replace(config, target=type(config.target)()) != type(config)():
        raise ConfigError(
            "--set: retarget changes the target only, expected keys that begin with `target.`; "
            "everything else stays as it is in the run"
        )
    if any(each.partition("=")[0].strip() == "target.thinking" for each in overrides or ()):
        raise ConfigError(
            "--set target.thinking: stays as it is in the run, whose responses were made with it; "
            "leave it out"
        )
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_outcome
    from idiolect.pipeline.outcome import to_json
    from idiolect.pipeline.retarget import retarget

    with progress(quiet=screen.quiet) as report:
        result = retarget(
            run, config.target, output_dir=output_dir, options=o.run_options(resume), report=report
        )
    if screen.json:
        moves = [{"before": b, "after": a, "examples": n} for (b, a), n in result.moves.items()]
        tree = {"counts": result.counts, "moves": moves, "rows": str(result.rows)}
        print(json_module.dumps(to_json(result.outcome) | tree, indent=2, ensure_ascii=False))
        return 0
    code = show_outcome(result.outcome, as_json=False, with_choices=True)
    _show(result)
    return code


def _show(result: "Retargeted") -> None:
    counts = result.counts
    print(f"\nchoices for {result.before_target} -> {result.after_target}:")
    print("  " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    for (before, after), n in result.moves.items():
        print(f"  {n:>5}  {before} -> {after}")
    saved = result.saved_nats
    if saved is not None:
        mean, (low, high), n = saved
        print(
            f"Where the choice changed, the new one has {math.exp(-mean):.2f} times the perplexity "
            f"of the old one (95 % {math.exp(-high):.2f}-{math.exp(-low):.2f}, n = {n})."
        )
    print(f"`own` and what builds on it are still the words of {result.before_target}.")
    print(f"written: {result.rows}")
