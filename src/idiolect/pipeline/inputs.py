"""What a command needs before it can begin: examples, target, strategies, verifier, run."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
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
from idiolect.models.money import Money
from idiolect.pipeline.self_aligned import check_self_aligned
from idiolect.pipeline.spending import spending
from idiolect.pipeline.teaching import (
    check_settings,
    open_purse,
    require_verifier,
    strategies_identity,
    teacher_for,
)
from idiolect.records import Example, Spend
from idiolect.runs.manifest import write_atomically, write_manifest
from idiolect.runs.store import Run
from idiolect.scoring.base import Scorer
from idiolect.strategies import Strategy, get_strategy, with_needed
from idiolect.strategies.wording import Wording
from idiolect.verification import NO_VERIFIER, Verifier, detect_verifier, get_verifier
from idiolect.verification.judge import open_judge
from idiolect.verification.self_test import SelfTest, require_references, self_test

__all__ = ["Job", "RunOptions", "column_names", "default_strategies", "open_job"]

_LOCAL_PACKAGES = ("torch", "transformers", "safetensors", "jaxtyping")


NOT_ASKED_FOR = "not asked for"
SWITCHED_OFF = "switched off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a command goes about its run."""

    fresh: bool = False
    """Forget an earlier run of this name."""

    retry_failed: bool = False
    """Try failed rows again."""

    allow_failing_references: bool = False
    """Go on where too few of the data's references verify."""

    confirm_run_unsafe_code: bool = False
    """Let `code` run the programs of responses in a sandbox."""

    teacher: Model | None = None
    """Answers in place of the teacher that the configuration names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An open run with everything that its steps use."""

    run: Run
    config: Config
    dataset: Dataset
    strategies: tuple[Strategy, ...]
    """In the order of their work, with those that others build upon."""

    options: RunOptions
    verifier: Verifier | None
    """None where nothing can be checked."""

    verifier_reason: str
    references: SelfTest | None
    """What the verifier made of the references; None without a verifier."""

    target: Any
    """A loaded `LocalModel`, or a `ServedTarget`."""

    scorer: Scorer
    scorer_reason: str
    teacher: Model | None
    """None where no strategy asks it."""

    money: Money
    wording: Wording
    recorded_verifier: str | None = None
    """Whose verdicts count that are in the run already, where nothing is checked anew."""

    began: float = field(default_factory=time.monotonic)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples that could be read."""
        return self.dataset.examples

    @property
    def verifier_name(self) -> str:
        """Name of the verifier, or `none`."""
        if self.verifier:
            return self.verifier.name
        return self.recorded_verifier or NO_VERIFIER

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
                    "server_model": self.target.server_model,
                    "max_length": getattr(self.target, "max_length", None),
                    "template": self.target.chat.label,
                    "template_hash": self.target.chat.fingerprint,
                },
                "scoring": {
                    "path": self.scorer.path,
                    "why": self.scorer_reason,
                    "noise_nats_per_token": self.scorer.noise,
                },
                "data": {
                    "source": self.dataset.source,
                    "fingerprint": self.dataset.fingerprint,
                    "examples": len(self.examples),
                    "problems": [problem.message for problem in self.dataset.problems],
                },
                "verifier": {"name": self.verifier_name, "why": self.verifier_reason},
                "teacher": {"model": self.teacher.name, "revision": self.teacher.revision}
                if self.teacher
                else None,
                "strategies": {
                    s.name: {
                        "writer": s.writer,
                        "sees": sorted(s.sees),
                        "prompts": {name: self.wording.hash_of(name) for name in s.prompts},
                    }
                    for s in self.strategies
                },
                "spend": spending(self.run.all(Spend)),
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
    options: RunOptions,
    made_from: Mapping[str, Any] | None = None,
) -> Job:
    """Check the inputs, load the target and open the run.

    Everything that can be wrong is found out before the expensive work.

    Args:
        command: Which command it is for.
        config: The whole configuration.
        dataset: The examples.
        strategies: Names.
        verify: Whether candidates are checked.
        options: How to go about the run.
        made_from: What else the rows of the run depend on, as names with plain values.

    Raises:
        ConfigError: a name is unknown or the settings contradict each other.
        DataError: less than 98 % of the references verify.
        RunError: the run is held, or was made from other inputs.
    """
    if not strategies:
        raise ConfigError(
            f"{dataset.source}: holds no responses; name their column with --columns "
            "reference=..., or let the target answer with `idiolect build`"
        )
    chosen = with_needed([get_strategy(name, column_names(dataset), config) for name in strategies])
    _check(config)
    _check_writers(config, chosen)
    wording = Wording(config.prompts)
    verifier, why = _verifier(config, dataset, options) if verify else (None, NOT_ASKED_FOR)
    check_self_aligned(config, strategies, is_verified=verifier is not None)
    references = self_test(verifier, dataset.examples) if verifier else None
    if references and not options.allow_failing_references:
        require_references(references)
    require_verifier(chosen, verifier)
    output_dir = Path(config.output_dir or default_output_dir(command, config))
    money = open_purse(config, output_dir, fresh=options.fresh)
    teacher = teacher_for(chosen, config, money, options.teacher)
    target, scorer, scorer_reason = _load(config)
    depends = {
        "command": command,
        "data": dataset.fingerprint,
        "target.model": target.name,
        "target.revision": target.revision,
        "target.dtype": target.dtype,
        "target.device": target.device,
        "target.template": target.chat.fingerprint,
        "target.server_model": target.server_model,
        "scoring": scorer.path,
        "strategies": list(strategies),
        "own": dataclasses.asdict(config.own),
        "verifier": verifier.name if verifier else NO_VERIFIER,
        "judge.model": config.judge.model if verifier and verifier.name == "judge" else None,
        "measures": list(config.measures),
        "selection": dataclasses.asdict(config.selection),
        "seed": config.seed,
        **(made_from or {}),
    }
    depends |= strategies_identity(chosen, config, teacher, wording)
    if "self-aligned" in config.measures:
        depends["self_aligned"] = dataclasses.asdict(config.self_aligned)
    run = Run(output_dir, depends, fresh=options.fresh)
    try:
        write_atomically(
            run.path / "config.resolved.yaml", yaml.safe_dump(to_dict(config), sort_keys=False)
        )
        run.add(*dataset.examples)
        for problem in dataset.problems:
            run.log("warning", problem.message)
    except BaseException:
        run.close()
        raise
    return Job(
        run=run,
        config=config,
        dataset=dataset,
        strategies=chosen,
        options=options,
        verifier=verifier,
        verifier_reason=why,
        references=references,
        target=target,
        scorer=scorer,
        scorer_reason=scorer_reason,
        teacher=teacher,
        money=money,
        wording=wording,
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
    check_settings(config)
    for name in config.measures:
        if name not in MEASURES:
            raise ConfigError(
                f"measures: unknown measure {name!r}{nearest(name, MEASURES)} "
                f"(allowed: {', '.join(MEASURES)})"
            )


def _check_writers(config: Config, strategies: Sequence[Strategy]) -> None:
    own = [strategy.name for strategy in strategies if "target" in strategy.asks]
    if config.target.server and own:
        others = [strategy.name for strategy in strategies if strategy.name not in own]
        raise ConfigError(
            f"strategies: found {', '.join(own)} with target.server, which scores and does not "
            f"answer; drop it (--strategies {','.join(others) or 'reference'}), or load the "
            "weights here by leaving out target.server"
        )


def _verifier(config: Config, dataset: Dataset, options: RunOptions) -> tuple[Verifier | None, str]:
    confirmed = options.confirm_run_unsafe_code
    if config.verifier == NO_VERIFIER:
        return None, SWITCHED_OFF
    if config.verifier is not None:
        ask = open_judge(config) if config.verifier == "judge" else None
        found = get_verifier(config.verifier, confirm_run_unsafe_code=confirmed, ask=ask)
        return found, "asked for"
    name, why = (
        (dataset.verifier, f"what {dataset.source} is checked with")
        if dataset.verifier
        else detect_verifier(dataset.examples)
    )
    if name == NO_VERIFIER:
        return None, why
    try:
        return get_verifier(name, confirm_run_unsafe_code=confirmed), why
    except (ConfigError, MissingExtra) as error:
        # Nobody asked for it by name, so the rest of the command is worth having.
        return None, f"{why}, but {error}"


def _load(config: Config) -> tuple[Any, Scorer, str]:
    try:
        return _served(config, config.target.server) if config.target.server else _local(config)
    except ImportError as error:
        if error.name and error.name.split(".")[0] in _LOCAL_PACKAGES:
            raise MissingExtra(error.name, "local", "a target on this machine") from None
        raise


def _local(config: Config) -> tuple[Any, Scorer, str]:
    from idiolect.models.local import load_local_model
    from idiolect.scoring.local import choose_scorer

    target = load_local_model(config.target)
    choice = choose_scorer(target.module, name=target.name, max_length=target.max_length)
    return target, choice.scorer, choice.reason


def _served(config: Config, url: str) -> tuple[Any, Scorer, str]:
    """Load the tokenizer alone; the weights are where the server is."""
    from idiolect.models.served import load_served_target
    from idiolect.scoring.endpoint import open_endpoint
    from idiolect.scoring.server import Server

    server = Server(url)
    target = load_served_target(config.target)
    scorer = open_endpoint(server, target.tokenizer, target.chat, config.target.server_model)
    return dataclasses.replace(target, server_model=scorer.model.name), scorer, scorer.reason
