"""How a command begins: its inputs are checked, the target is loaded, the run is opened."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from idiolect.config import Config, to_dict
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, nearest, needs_local
from idiolect.familiarity import MEASURES
from idiolect.models.money import Money
from idiolect.pipeline.checking import NOT_ASKED_FOR, judge_identity, judge_of, open_verifier
from idiolect.pipeline.job import Job, RunOptions
from idiolect.pipeline.self_aligned import check_self_aligned
from idiolect.pipeline.spending import keep_payments
from idiolect.pipeline.teaching import (
    check_settings,
    require_verifier,
    strategies_identity,
    teachers_for,
)
from idiolect.runs.manifest import write_atomically
from idiolect.runs.store import Run
from idiolect.scoring.base import Scorer
from idiolect.strategies import Strategy, get_strategy, with_needed
from idiolect.strategies.wording import Wording
from idiolect.verification import NO_VERIFIER, Verifier
from idiolect.verification.self_test import SelfTest, require_references, self_test

__all__ = ["column_names", "default_strategies", "open_job"]


def open_job(
    command: str,
    config: Config,
    dataset: Dataset,
    *,
    strategies: Sequence[str],
    verify: bool = True,
    may_skip_checks: bool = True,
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
        may_skip_checks: Go on without checks where the verifier that suits the data cannot work.
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
    output_dir = Path(config.output_dir or default_output_dir(command, config))
    money = Money(config.max_cost)
    again = options.retry_failed
    judge = judge_of(config, money, ask_again=again) if verify else None
    verifier, why = None, NOT_ASKED_FOR
    if verify:
        verifier, why = open_verifier(
            config,
            dataset,
            confirm_run_unsafe_code=options.confirm_run_unsafe_code,
            judge=judge,
            may_be_left_out=may_skip_checks,
        )
    check_self_aligned(config, [s.name for s in chosen], is_verified=verifier is not None)
    references = None if judge else _references(verifier, dataset, options)
    require_verifier(chosen, verifier)
    teachers = teachers_for(chosen, config, money, options.teacher, ask_again=again)
    target, scorer, scorer_reason = _load(config)
    depends = {
        **_target_identity(target, scorer),
        **_settings_identity(command, config, dataset, strategies, verifier),
        **(made_from or {}),
        **strategies_identity(chosen, config, teachers, wording),
    }
    run = Run(output_dir, depends, fresh=options.fresh)
    try:
        keep_payments(money, run)
        if judge:
            # It is paid for each reference: from the purse of the run.
            references = _references(verifier, dataset, options)
        _write_inputs(run, config, dataset)
    except BaseException:
        money.close()
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
        teachers=teachers,
        judge=judge.model if judge else None,
        money=money,
        wording=wording,
    )


def _target_identity(target: Any, scorer: Scorer) -> dict[str, Any]:
    return {
        "target.model": target.name,
        "target.revision": target.revision,
        "target.dtype": target.dtype,
        "target.device": target.device,
        "target.template": target.chat.fingerprint,
        "target.server_model": target.server_model,
        "scoring": scorer.path,
    }


def _settings_identity(
    command: str,
    config: Config,
    dataset: Dataset,
    strategies: Sequence[str],
    verifier: Verifier | None,
) -> dict[str, Any]:
    identity = {
        "command": command,
        "data": dataset.fingerprint,
        "strategies": list(strategies),
        "own": dataclasses.asdict(config.own),
        "verifier": verifier.name if verifier else NO_VERIFIER,
        "measures": list(config.measures),
        "selection": dataclasses.asdict(config.selection),
        "seed": config.seed,
    }
    if verifier and verifier.name == "judge":
        identity |= judge_identity(config)
    if "self-aligned" in config.measures:
        identity["self_aligned"] = dataclasses.asdict(config.self_aligned)
    return identity


def _write_inputs(run: Run, config: Config, dataset: Dataset) -> None:
    write_atomically(
        run.path / "config.resolved.yaml", yaml.safe_dump(to_dict(config), sort_keys=False)
    )
    run.add(*dataset.examples)
    for problem in dataset.problems:
        run.log("warning", problem.message)


def _references(
    verifier: Verifier | None, dataset: Dataset, options: RunOptions
) -> SelfTest | None:
    if verifier is None:
        return None
    references = self_test(verifier, dataset.examples)
    if not options.allow_failing_references:
        require_references(references)
    return references


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


def _load(config: Config) -> tuple[Any, Scorer, str]:
    with needs_local("a target on this machine"):
        return _served(config, config.target.server) if config.target.server else _local(config)


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
