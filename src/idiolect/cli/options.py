"""Flags that several commands share, in groups, and what they add up to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idiolect.cli.flags import Flags, Sets, grouped, values_of
from idiolect.config import Config, load_config
from idiolect.errors import ConfigError

if TYPE_CHECKING:
    from idiolect.pipeline.job import RunOptions

__all__ = [
    "CheckFlags",
    "ColumnFlags",
    "DataArgument",
    "DataFlags",
    "DryRunOption",
    "Flags",
    "FreshOption",
    "JsonOption",
    "JudgeOption",
    "LimitOption",
    "LocalTargetFlags",
    "MaxCostOption",
    "MeasuresOption",
    "OutputDirOption",
    "ResponsesOption",
    "ResumeFlags",
    "RunFlags",
    "ScreenFlags",
    "SeedOption",
    "SetOption",
    "Sets",
    "SettingsFlags",
    "StrategiesOption",
    "StrategyFlags",
    "TargetFlags",
    "TargetOption",
    "TeacherFlags",
    "TeacherOption",
    "VerifierOption",
    "assemble",
    "grouped",
    "names",
    "run_options",
]


def names(text: str) -> list[str]:
    """Return the names in a text with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        name, equals, column = part.partition("=")
        if not equals:
            raise ConfigError(f"--columns {text}: found {part!r}, expected FIELD=COLUMN")
        pairs[name.strip()] = column.strip()
    return pairs


DataArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A JSONL, JSON, CSV or Parquet file, a hub id, or a known name: gsm8k, ...",
    ),
    Sets("data.path"),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="First n rows."), Sets("data.limit")
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target", "--model", "--model-name-or-path", help="The model: a folder or a hub id."
    ),
    Sets("target.model"),
]
TeacherOption = Annotated[
    str | None,
    typer.Option(
        "--teacher", help="A stronger model that may help: openai:NAME[@URL], anthropic:NAME, ..."
    ),
    Sets("teacher.model"),
]
StrategiesOption = Annotated[
    str | None,
    typer.Option("--strategies", metavar="A,B", help="Ways to produce responses."),
    Sets("strategies", names),
]
VerifierOption = Annotated[
    str | None,
    typer.Option(
        "--verifier",
        help="numeric, maths, choice, exact, code, judge, command:PROGRAM, "
        "python:MODULE:FUNCTION or none. Default: by the data.",
    ),
    Sets("verifier"),
]
JudgeOption = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="The model that `judge` asks, e.g. openai:gpt-4.1-mini.",
    ),
    Sets("judge.model"),
]
MaxCostOption = Annotated[
    float | None,
    typer.Option(
        "--max-cost", metavar="USD", min=0, help="Hard cap on what the run pays; exits 2 there."
    ),
    Sets("max_cost"),
]
MeasuresOption = Annotated[
    str | None,
    typer.Option("--measures", metavar="A,B", help="Measures, e.g. perplexity,ifd,local."),
    Sets("measures", names),
]
ResponsesOption = Annotated[
    str,
    typer.Option(metavar="all|A,B", help="`reference` and names of response columns."),
]
OutputDirOption = Annotated[
    Path | None,
    typer.Option("--output-dir", "-o", help="Run directory. Default: runs/..."),
    Sets("output_dir", str),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Decides every draw."), Sets("seed")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a configuration key.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be asked and what it would cost.")
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Forget an earlier run of this name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlags(Flags):
    """Which data."""

    data: DataArgument = None
    limit: LimitOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFlags(Flags):
    """How the data is read."""

    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="FIELD=COLUMN,...", help="Override the column mapping."),
        Sets("data.columns", _pairs),
    ] = None
    subset: Annotated[
        str | None, typer.Option("--subset", help="Subset of a hub data set."), Sets("data.subset")
    ] = None
    split: Annotated[
        str | None, typer.Option("--split", help="Split of a hub data set."), Sets("data.split")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTargetFlags(Flags):
    """A target whose weights are loaded here."""

    target: TargetOption = None
    format: Annotated[
        str | None,
        typer.Option("--format", help="Plain format of a base model: question-answer or bare."),
        Sets("target.format"),
    ] = None
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu or cuda."), Sets("target.device")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFlags(LocalTargetFlags):
    """A target that is scored here or on a server."""

    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Score over this server (vLLM, SGLang, ...); of --target only the tokenizer is "
            "used.",
        ),
        Sets("target.server"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherFlags(Flags):
    """Who may help, and for how much."""

    teacher: TeacherOption = None
    max_cost: MaxCostOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFlags(Flags):
    """Which responses, and what is measured of them."""

    strategies: StrategiesOption = None
    measures: MeasuresOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFlags(Flags):
    """How responses are checked."""

    verifier: VerifierOption = None
    judge: JudgeOption = None
    allow_failing_references: Annotated[
        bool,
        typer.Option(
            "--allow-failing-references", help="Go on where under 98 % of the references verify."
        ),
    ] = False
    confirm_run_unsafe_code: Annotated[
        bool,
        typer.Option(
            "--confirm-run-unsafe-code",
            help="Let `code` run the programs of responses in a sandbox.",
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFlags(Flags):
    """Keys of the configuration."""

    config: Annotated[Path | None, typer.Option("--config", "-c", help="An idiolect.yaml.")] = None
    overrides: SetOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags(Flags):
    """Where the run is, and what decides its draws."""

    output_dir: OutputDirOption = None
    seed: SeedOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeFlags(Flags):
    """What happens to a run that is there."""

    fresh: FreshOption = False
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed rows again.")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenFlags(Flags):
    """What is printed."""

    json: JsonOption = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False


def assemble(settings: SettingsFlags, *groups: Flags) -> Config:
    """Return the configuration that a file, `--set` and the flags of groups add up to."""
    values = {key: value for group in groups for key, value in values_of(group).items()}
    return load_config(settings.config, overrides=settings.overrides or (), flags=values)


def run_options(resume: ResumeFlags, check: CheckFlags | None = None) -> "RunOptions":
    """Return how a command goes about its run."""
    from idiolect.pipeline.job import RunOptions

    check = check or CheckFlags()
    return RunOptions(
        fresh=resume.fresh,
        retry_failed=resume.retry_failed,
        allow_failing_references=check.allow_failing_references,
        confirm_run_unsafe_code=check.confirm_run_unsafe_code,
    )
