"""Flags that several commands share, and the configuration that they add up to."""

from pathlib import Path
from typing import Annotated, Any

import typer

from idiolect.config import Config, load_config
from idiolect.errors import ConfigError

__all__ = [
    "AllowFailingOption",
    "ColumnsOption",
    "ConfigOption",
    "DataArgument",
    "DeviceOption",
    "DryRunOption",
    "FormatOption",
    "FreshOption",
    "JsonOption",
    "JudgeOption",
    "LimitOption",
    "MaxCostOption",
    "MeasuresOption",
    "OutputDirOption",
    "QuietOption",
    "RetryOption",
    "SeedOption",
    "ServerOption",
    "SetOption",
    "SplitOption",
    "StrategiesOption",
    "SubsetOption",
    "TargetOption",
    "TeacherOption",
    "UnsafeCodeOption",
    "VerifierOption",
    "assemble",
]

DataArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A JSONL, JSON, CSV or Parquet file, a hub id, or a known name: gsm8k, ...",
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target", "--model", "--model-name-or-path", help="The model: a folder or a hub id."
    ),
]
TeacherOption = Annotated[
    str | None,
    typer.Option(
        "--teacher", help="A stronger model that may help: openai:NAME[@URL], anthropic:NAME, ..."
    ),
]
MaxCostOption = Annotated[
    float | None,
    typer.Option(
        "--max-cost", metavar="USD", min=0, help="Hard cap on what the run pays; exits 2 there."
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Score over this server (vLLM, SGLang, ...); of --target only the tokenizer is used.",
    ),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="An idiolect.yaml.")]
OutputDirOption = Annotated[
    Path | None, typer.Option("--output-dir", "-o", help="Run directory. Default: runs/...")
]
LimitOption = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="First n rows.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Decides every draw.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be asked and what it would cost.")
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Forget an earlier run of this name.")]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Try failed rows again.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a configuration key.")
]
StrategiesOption = Annotated[
    str | None, typer.Option("--strategies", metavar="A,B", help="Ways to produce responses.")
]
AllowFailingOption = Annotated[
    bool,
    typer.Option(
        "--allow-failing-references", help="Go on where under 98 % of the references verify."
    ),
]
UnsafeCodeOption = Annotated[
    bool,
    typer.Option(
        "--confirm-run-unsafe-code", help="Let `code` run the programs of responses in a sandbox."
    ),
]
VerifierOption = Annotated[
    str | None,
    typer.Option(
        "--verifier",
        help="numeric, maths, choice, exact, code, judge, command:PROGRAM, python:MODULE:FUNCTION "
        "or none. Default: by the data.",
    ),
]
JudgeOption = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="MODEL", help="The model that `judge` asks, e.g. openai:gpt-4.1-mini."
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="FIELD=COLUMN,...", help="Override the column mapping."),
]
MeasuresOption = Annotated[
    str | None,
    typer.Option("--measures", metavar="A,B", help="Measures, e.g. perplexity,ifd,local."),
]
SplitOption = Annotated[str | None, typer.Option("--split", help="Split of a hub data set.")]
SubsetOption = Annotated[str | None, typer.Option("--subset", help="Subset of a hub data set.")]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="Plain format of a base model: question-answer or bare."),
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]


def assemble(
    config: Path | None,
    overrides: list[str] | None,
    *,
    strategies: str | None = None,
    measures: str | None = None,
    columns: str | None = None,
    **flags: Any,
) -> Config:
    """Return the configuration that a file, `--set` and flags add up to.

    Args:
        config: The file of `--config`.
        overrides: The texts of `--set`.
        strategies: Names with commas between them.
        measures: Names with commas between them.
        columns: `field=column` pairs with commas between them.
        flags: Flags by configuration key, with `__` for the dot; None where not given.
    """
    values = {key.replace("__", "."): _plain(value) for key, value in flags.items()}
    values["strategies"] = _names(strategies)
    values["measures"] = _names(measures)
    values["data.columns"] = _pairs(columns) if columns else None
    return load_config(config, overrides=overrides or (), flags=values)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        name, equals, column = part.partition("=")
        if not equals:
            raise ConfigError(f"--columns {text}: found {part!r}, expected FIELD=COLUMN")
        pairs[name.strip()] = column.strip()
    return pairs
