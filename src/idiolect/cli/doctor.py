"""`idiolect doctor`."""

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from idiolect.cli import options as o

if TYPE_CHECKING:
    from rich.console import Console

    from idiolect.pipeline.doctor import Diagnosis

__all__ = ["command"]

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@o.grouped
def command(
    data: o.DataFlags,
    columns: o.ColumnFlags,
    target: o.TargetFlags,
    settings: o.SettingsFlags,
    json: o.JsonOption = False,
) -> int:
    """Look at template, mask, stop token, models, disk and sandbox; each line with its fix."""
    config = o.assemble(settings, data, columns, target)
    from idiolect.pipeline.doctor import doctor

    diagnosis = doctor(config)
    if json:
        import json as json_module

        tree = {"healthy": diagnosis.healthy, **dataclasses.asdict(diagnosis)}
        print(json_module.dumps(tree, indent=2, ensure_ascii=False))
    else:
        _show(diagnosis)
    return 0 if diagnosis.healthy else 1


def _show(diagnosis: "Diagnosis") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in diagnosis.checks)
    for check in diagnosis.checks:
        mark = Text(f"{check.status:<8}", style=_COLOURS[check.status])
        console.print(mark + Text(f"{check.name:<{width}}  {check.found}", style=""))
        if check.fix:
            console.print(Text(f"{'':<{width + 10}}fix: {check.fix}", style="bold"))
    if diagnosis.row:
        _show_row(console, diagnosis)
    counts = Counter(check.status for check in diagnosis.checks)
    words = [f"{n} {w}{'s' * (n != 1)}" for w in ("problem", "warning") for n in [counts[w]]]
    console.print("\n" + ", ".join(words))


def _show_row(console: "Console", diagnosis: "Diagnosis") -> None:
    """Print the tokens of one row, a bar between two: masked ones dim, trained ones green."""
    from rich.text import Text

    for trained, label, style in ((False, "masked", "dim"), (True, "trained", "green")):
        pieces = [repr(token.text)[1:-1] for token in diagnosis.row if token.trained is trained]
        console.print(Text(f"\n{label} ({len(pieces)} tokens):", style="bold"))
        console.print(Text("|".join(pieces), style=style))
