"""Writes the reference pages from the code: `make docs`.

What a page says is what the code says: commands and flags come from the command line itself, keys
from the dataclasses of the configuration and the strings below their fields.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from idiolect.cli import COMMANDS, application
from idiolect.cli.flags import Flags, keys_of
from idiolect.config.describe import Key, Section, describe_whole

__all__ = ["FOLDER", "pages"]

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "<!-- Written by `make docs` from the code; change the code instead. -->"

_CLI_HEAD = f"""\
# The command line

{_MADE}

`idiolect COMMAND --help` says the same as this page. Exit codes: 0 done; 1 a run failed, or rows
failed that may succeed on another try (`--retry-failed`); 2 the gate said no, or the money is used
up; 3 the request or some input was wrong; 130 interrupted, and the same command goes on. An
underscore in a flag is read as a hyphen. `--debug`, anywhere, shows where an error comes from.
"""

_CONFIG_HEAD = f"""\
# The configuration

{_MADE}

A configuration is a YAML file (`--config idiolect.yaml`); `idiolect init` writes one with every
key. Flags and `--set SECTION.KEY=VALUE` win over the file, the file wins over the defaults. An
unknown key is an error that names the nearest one. `target: NAME` is short for
`target: {{model: NAME}}`; `teacher`, `judge` and each of `teachers` alike. `extends: FILE`, or a
list of files, takes other files first, relative to this one; this one is merged over them as a
JSON merge patch (RFC 7396): sections key by key, null takes a key out. The resolved configuration
is written to `config.resolved.yaml` in the run directory. `NAME` in a section stands for a name of
your choice.
"""


def pages() -> dict[str, str]:
    """Return the pages: file name -> text."""
    return {"cli.md": _cli_page(), "config.md": _config_page()}


def _cli_page() -> str:
    blocks = [_CLI_HEAD]
    for name in COMMANDS:
        command = _group(application([name])).commands[name]
        blocks.append(_command_text(command, f"idiolect {name}", "##"))
        for inner, below in getattr(command, "commands", {}).items():
            blocks.append(_command_text(below, f"idiolect {name} {inner}", "###"))
    return "\n".join(blocks)


def _group(app: Any) -> Any:
    import typer

    return typer.main.get_command(app)


def _command_text(command: Any, name: str, mark: str) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    usage = command.get_usage(context).removeprefix("Usage: ")
    head = f"{mark} {name}\n\n{command.help}\n\n```text\n{usage}\n```\n"
    if hasattr(command, "commands"):
        return head
    keys = _keys(command.callback)
    rows: list[tuple[str, ...]] = []
    for parameter in command.get_params(context):
        flag, words = parameter.get_help_record(context)
        if parameter.name != "help":
            rows.append((_code(flag), _tick(keys.get(parameter.name)), words))
    if not keys:
        return f"{head}\n{_table(('Flag', 'Meaning'), [(flag, words) for flag, _, words in rows])}"
    return f"{head}\n{_table(('Flag', 'Sets', 'Meaning'), rows)}"


def _keys(command: Any) -> dict[str, str]:
    """Return the configuration keys that the flags of a command set."""
    groups = [
        parameter.annotation
        for parameter in inspect.signature(inspect.unwrap(command)).parameters.values()
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, Flags)
    ]
    return {name: sets.key for group in groups for name, sets in keys_of(group).items()}


def _tick(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _code(flag: str) -> str:
    """Return the names of a flag and what it takes; a range is in its meaning already."""
    return f"`{flag.replace(' range>', '>')}`"


def _config_page() -> str:
    root, *sections = describe_whole()
    at_the_root = Section(name="Keys at the root", text="", keys=root.keys)
    return "\n".join([_CONFIG_HEAD, *(_section_text(s) for s in [*sections, at_the_root])])


def _section_text(section: Section) -> str:
    name = section.name if " " in section.name else f"`{section.name}`"
    head = f"## {name}\n" + (f"\n{section.text}\n" if section.text else "")
    if section.same_as:
        return f"{head}\nThe keys are those of `{section.same_as}`.\n"
    rows = [(f"`{key.name}`", key.type, _default(key), key.text) for key in section.keys]
    return f"{head}\n{_table(('Key', 'Type', 'Default', 'Meaning'), rows)}"


def _default(key: Key) -> str:
    if key.is_required:
        return "required"
    plain = list(key.default) if isinstance(key.default, tuple) else key.default
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10**6)
    return f"`{text.removesuffix(chr(10)).removesuffix('...').strip()}`"


def _table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(headers)} |"
        yield f"|{' --- |' * len(headers)}"
        for row in rows:
            yield f"| {' | '.join(_cell(text) for text in row)} |"

    return "".join(f"{line}\n" for line in lines())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"written: {FOLDER / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
