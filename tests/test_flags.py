"""Groups of flags: one definition, one place where they become a configuration."""

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, get_type_hints

import pytest
import typer

from idiolect.cli import COMMANDS
from idiolect.cli import options as o
from idiolect.cli.flags import Flags, Sets, grouped, keys_of, values_of
from idiolect.config import load_config
from idiolect.config.describe import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFlags(Flags):
    samples: Annotated[int | None, typer.Option("-k"), Sets("own.samples")] = None
    heat: Annotated[float | None, typer.Option(), Sets("own.temperature")] = None
    names: Annotated[str | None, typer.Option(), Sets("strategies", o.names)] = None
    drift: Annotated[bool, typer.Option("--drift"), Sets("evaluation.drift")] = False
    loud: Annotated[bool, typer.Option("--loud")] = False


def test_what_was_given_sets_its_key_and_nothing_else_does():
    assert values_of(OwnFlags()) == {}
    given = OwnFlags(samples=0, heat=0.0, names="own, hinted,", drift=True, loud=True)
    assert values_of(given) == {
        "own.samples": 0,
        "own.temperature": 0.0,
        "strategies": ["own", "hinted"],
        "evaluation.drift": True,
    }


def test_a_command_gets_its_groups_from_the_flags_that_typer_reads():
    got = []

    @grouped
    def command(own: OwnFlags, resume: o.ResumeFlags, seed: o.SeedOption = None) -> int:
        got.extend([own, resume, seed])
        return 0

    flags = ["samples", "heat", "names", "drift", "loud", "fresh", "retry_failed", "seed"]
    assert list(inspect.signature(command).parameters) == flags
    app = typer.Typer()
    app.command()(command)
    app(["-k", "3", "--retry-failed", "--seed", "5"], standalone_mode=False)
    assert got == [OwnFlags(samples=3), o.ResumeFlags(retry_failed=True), 5]


def test_two_groups_of_a_command_can_not_have_the_same_flag():
    def command(one: o.TargetFlags, other: o.LocalTargetFlags) -> int:
        return 0

    with pytest.raises(ValueError, match="duplicate parameter name: 'target'"):
        grouped(command)


def test_flags_win_over_set(tmp_path):
    settings = o.SettingsFlags(overrides=["seed=1", "target.device=cpu"])
    config = o.assemble(settings, o.RunFlags(seed=2, output_dir=tmp_path), o.TargetFlags())
    assert (config.seed, config.output_dir, config.target.device) == (2, str(tmp_path), "cpu")
    assert o.assemble(o.SettingsFlags()) == load_config()


def test_every_flag_sets_a_key_that_the_configuration_has():
    known = {f"{s.name}.{key.name}".lstrip(".") for s in describe() for key in s.keys}
    groups: set[type[Flags]] = set()
    for name in COMMANDS.keys() - {"lab"}:
        hints = get_type_hints(inspect.unwrap(import_module(f"idiolect.cli.{name}").command))
        groups |= {
            kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, Flags)
        }
    assert len(groups) > 10
    assert {sets.key for group in groups for sets in keys_of(group).values()} <= known
