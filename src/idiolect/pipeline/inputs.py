"""What a command needs before it can begin: examples, target, strategies, verifier, run."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from idiolect.config import Config, to_dict
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, MissingExtra, nearest
from idiolect.familiarity import MEASURES
from idiolect.models.base import Model
from idiolect.records import Example
from idiolect.runs.manifest import write_atomically, write_manifest
from idiolect.runs.store import Run
from idiolect.scoring.base import Scorer
from idiolect.strategies import Strategy, get_strategy
from idiolect.verification import NO_VERIFIER, VERIFIERS, detect_verifier, get_verifier

__all__ = ["Job", "column_names", "default_strategies", "open_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An open run with everything that its steps use."""

    run: Run
    config: Config
    dataset: Dataset
    strategies: tuple[Strategy, ...]
    verifier: str
    """Name, or `none`."""

    verifier_reason: str
    target: Any
    """A loaded `LocalModel`."""

    scorer: Scorer
    began: float = field(default_factory=time.monotonic)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples that could be read."""
        return self.dataset.examples

    @property
    def model(self) -> Model:
        """The target, as something that answers."""
        return self.target

    def __enter__(self) -> "Job":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run.close()

    def write_manifest(self) -> None:
        """Write what the run was made with."""
        write_manifest(
            self.run.path / "manifest.json",
            {
                "target": {
                    "model": self.target.name,
                    "revision": self.target.revision,
                    "dtype": self.target.dtype,
                    "device": self.target.device,
                    "template": self.target.chat.label,
                    "template_hash": self.target.chat.fingerprint,
                },
                "scoring": {"path": self.scorer.path, "noise_nats_per_token": self.scorer.noise},
                "data": {
                    "source": self.dataset.source,
                    "fingerprint": self.dataset.fingerprint,
                    "examples": len(self.examples),
                    "problems": [problem.message for problem in self.dataset.problems],
                },
                "verifier": {"name": self.verifier, "why": self.verifier_reason},
                "seed": self.config.seed,
            },
            seconds=time.monotonic() - self.began,
        )


def open_job(
    command: str,
    config: Config,
    dataset: Dataset,
    *,
    strategies: Sequence[str],
    verify: bool = True,
    fresh: bool = False,
) -> Job:
    """Check the inputs, load the target and open the run.

    Everything that can be wrong is found out before the expensive work.

    Raises:
        ConfigError: a name is unknown or the settings contradict each other.
        RunError: the run is held, or was made from other inputs.
    """
    chosen = tuple(get_strategy(name, column_names(dataset)) for name in strategies)
    _check(config)
    verifier, why = _verifier(config, dataset) if verify else (NO_VERIFIER, "not asked for")
    target, scorer = _load(config)
    identity = {
        "command": command,
        "data": dataset.fingerprint,
        "target.model": target.name,
        "target.revision": target.revision,
        "target.dtype": target.dtype,
        "target.device": target.device,
        "target.template": target.chat.fingerprint,
        "scoring": scorer.path,
        "strategies": list(strategies),
        "own": dataclasses.asdict(config.own),
        "verifier": verifier,
        "measures": list(config.measures),
        "selection": dataclasses.asdict(config.selection),
        "seed": config.seed,
    }
    run = Run(config.output_dir or default_output_dir(command, config), identity, fresh=fresh)
    write_atomically(
        run.path / "config.resolved.yaml", yaml.safe_dump(to_dict(config), sort_keys=False)
    )
    run.add(*dataset.examples)
    for problem in dataset.problems:
        run.log("warning", problem.message)
    return Job(
        run=run,
        config=config,
        dataset=dataset,
        strategies=chosen,
        verifier=verifier,
        verifier_reason=why,
        target=target,
        scorer=scorer,
    )


def column_names(dataset: Dataset) -> list[str]:
    """Return the names of the responses that the data brings, in order of appearance."""
    return list(dict.fromkeys(name for e in dataset.examples for name in e.responses))


def default_strategies(dataset: Dataset) -> list[str]:
    """Return `reference`, where there is one, and every response column."""
    has_reference = any(example.reference is not None for example in dataset.examples)
    return [
        *(["reference"] if has_reference else []),
        *(f"column:{name}" for name in column_names(dataset)),
    ]


def default_output_dir(command: str, config: Config) -> Path:
    """Return `runs/COMMAND-DATA-MODEL`."""
    data = Path(config.data.path or "data").stem
    model = Path(config.target.model or "model").name
    return Path("runs") / f"{command}-{data}-{model}"


def _check(config: Config) -> None:
    own = config.own
    if own.samples < 1:
        raise ConfigError(f"own.samples: found {own.samples}, expected at least 1")
    if own.samples > 1 and own.temperature == 0:
        raise ConfigError(
            f"own.samples: found {own.samples} with own.temperature 0, which would give the same "
            "answer each time; set own.temperature above 0, e.g. 0.7"
        )
    if own.temperature < 0 or not 0 < own.top_p <= 1 or own.max_new_tokens < 1:
        raise ConfigError(
            f"own: found temperature {own.temperature}, top_p {own.top_p}, max_new_tokens "
            f"{own.max_new_tokens}; expected >= 0, in (0, 1] and >= 1"
        )
    for name in config.measures:
        if name not in MEASURES:
            raise ConfigError(
                f"measures: unknown measure {name!r}{nearest(name, MEASURES)} "
                f"(allowed: {', '.join(MEASURES)})"
            )


def _verifier(config: Config, dataset: Dataset) -> tuple[str, str]:
    if config.verifier == NO_VERIFIER:
        return NO_VERIFIER, "switched off"
    if config.verifier is not None:
        get_verifier(config.verifier)  # an unknown name is an error now, not after scoring
        return config.verifier, "asked for"
    name, why = detect_verifier(dataset.examples)
    if name not in VERIFIERS and name != NO_VERIFIER:
        return NO_VERIFIER, f"{why}, and there is no verifier {name!r} yet"
    return name, why


def _load(config: Config) -> tuple[Any, Scorer]:
    try:
        from idiolect.models.local import load_local_model
        from idiolect.scoring.local import local_scorer
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("torch", "transformers", "jaxtyping"):
            raise MissingExtra(error.name, "local", "a target on this machine") from None
        raise
    target = load_local_model(config.target)
    return target, local_scorer(target)
