"""The command line: parse, call one library function, say where the result is.

Exit codes: 0 done; 1 a run failed; 2 the gate said no; 3 the request was wrong, or some rows
could not be used; 130 interrupted and resumable.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer, TyperException

__all__ = ["COMMANDS", "application", "main"]

COMMANDS: dict[str, str] = {
    "quickstart": "See what the method does, on an embedded model: minutes, no download, no key.",
    "init": "Write a commented configuration file.",
    "doctor": "Is everything there? Template, mask, stop token, models, disk, sandbox.",
    "audit": "Is my data foreign to my model? Score every response under the target.",
    "score": "Write the raw scores of every response, one row each.",
    "verify": "Check every response against its example; no model is needed.",
    "plan": "Show what `build` or `study` would ask, and what it would cost. Costs nothing.",
    "build": "Make, verify and score candidates; choose the most familiar correct ones.",
    "compare": "Which way of producing responses suits my model best, and what would it cost?",
    "study": "Did it help? Train and test datasets under one budget, with a verdict for each pair.",
    "explain": "Show everything that a run knows about one example.",
    "report": "Write one self-contained HTML page about a run.",
    "export": "Write the chosen responses of a run for a trainer, with its config.",
    "retarget": "Choose again for another target, from the same candidates.",
    "train": "Train a LoRA adapter on the chosen responses of a run, or on any data.",
    "evaluate": "Let a model answer test data, and check the answers; drift, public suites.",
    "lab": "An embedded world where the truth is known: data, targets, a teacher, a server.",
}
"""Each lives in the file of its name; only the one that is called is imported."""

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    import typer

    from idiolect.errors import IdiolectError

    words = _hyphenated(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    # Libraries that would report home are told not to.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        called = [word for word in words if word != "--debug"]
        code = application(words)(called, prog_name="idiolect", standalone_mode=False)
        if code == _INTERRUPTED:  # typer makes this of a KeyboardInterrupt inside a command
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        print(f"error: {_message(error)}", file=sys.stderr)
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "idiolect"
        print(f"Try '{path} --help'.", file=sys.stderr)
        return 3
    except (KeyboardInterrupt, typer.Abort):
        # With --fresh the command would throw away what it has done so far.
        line = shlex.join(["idiolect", *(word for word in words if word != "--fresh")])
        print(f"\ninterrupted; what is done is kept. Resume with: {line}", file=sys.stderr)
        return _INTERRUPTED
    except IdiolectError as error:
        if debug:
            raise
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code


def _message(error: "TyperException") -> str:
    """Return what typer says, with the one nearest name for a mistyped flag."""
    from idiolect.errors import nearest

    name = getattr(error, "option_name", None)
    if isinstance(name, str) and getattr(error, "possibilities", None):
        return f"No such option: {name}{nearest(name, getattr(error, 'possibilities', ()))}"
    return error.format_message()


def application(words: Sequence[str]) -> "Typer":
    """Return the application, with only the called command loaded."""
    import typer

    app = typer.Typer(
        help="Fine-tuning data in your model's own words.",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @app.callback(invoke_without_command=True)
    def root(version: bool = typer.Option(False, "--version", help="Show the version.")) -> None:
        if version:
            from importlib.metadata import version as installed

            print(f"idiolect {installed('idiolect')}")
            raise typer.Exit

    called = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        # As a short help it is wrapped in the list of commands; a long one would be cut off.
        if name == "lab" == called:  # the one command that has commands of its own
            lab = import_module("idiolect.cli.lab").app
            app.add_typer(lab, name=name, help=summary, short_help=summary)
            continue
        function = import_module(f"idiolect.cli.{name}").command if name == called else _not_called
        app.command(name, help=summary, short_help=summary)(function)
    return app


def _not_called() -> None:
    """Stand in the list of commands for one that this call does not need."""


def _hyphenated(words: Sequence[str]) -> list[str]:
    """Accept `--max_cost` for `--max-cost`; values stay as they are."""
    result: list[str] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            word = name.replace("_", "-") + equals + value
        result.append(word)
    return result
