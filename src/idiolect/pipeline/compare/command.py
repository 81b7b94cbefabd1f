"""`compare`: run the strategies on some prompts, and rank them by familiarity.

The answer is a prediction: familiarity was found to predict what training gives (arXiv
2502.11779), and only `study` measures it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idiolect.config import Config, PriceConfig
from idiolect.data.read import Dataset, read_dataset
from idiolect.errors import ConfigError
from idiolect.models.prices import price_of
from idiolect.pipeline.compare.ranking import Ranking, rank
from idiolect.pipeline.compare.words import recommendation
from idiolect.pipeline.drawing import drawn
from idiolect.pipeline.inputs import default_strategies, open_job
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome, load_rows, outcome
from idiolect.pipeline.steps import run_steps
from idiolect.records import Spend
from idiolect.runs.progress import ProgressSink, ignore_progress

__all__ = ["Pilot", "compare", "projected_costs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """What a pilot found."""

    outcome: Outcome
    """The strategies table, warnings and the run."""

    ranking: Ranking
    prompts: int
    whole: int
    """Examples of the whole data, which the cost is projected to."""

    costs_usd: Mapping[str, float | None]
    """Strategy -> projected cost of the whole data; None is unknown."""

    words: tuple[str, ...]


def compare(
    config: Config,
    *,
    dataset: Dataset | None = None,
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> Pilot:
    """Draw prompts, run the strategies on them, check, measure and rank.

    Strategies default to those of the data and `own`.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    if config.compare.prompts < 2:
        raise ConfigError(
            f"compare.prompts: found {config.compare.prompts}, expected at least 2, better 50"
        )
    whole = dataset or read_dataset(config.data)
    ids = set(drawn((e.id for e in whole.examples), config.compare.prompts, "pilot", config.seed))
    pilot = dataclasses.replace(whole, examples=tuple(e for e in whole.examples if e.id in ids))
    names = config.strategies or (*default_strategies(whole), "own")
    options = options or RunOptions()
    with open_job("compare", config, pilot, strategies=names, options=options) as job:
        run_steps(job, report)
        job.write_manifest()
        rows = load_rows(job.run, job.verifier_name)
        shown, spends = outcome(job), job.run.all(Spend)
    ranking = rank(
        rows,
        names,
        prompts=[e.id for e in pilot.examples],
        first=config.measures,
        least_coverage=config.compare.least_coverage,
        seed=config.seed,
    )
    costs = projected_costs(
        spends,
        [row.strategy for row in shown.table],
        config.prices,
        factor=len(whole.examples) / len(pilot.examples),
    )
    return Pilot(
        outcome=shown,
        ranking=ranking,
        prompts=len(pilot.examples),
        whole=len(whole.examples),
        costs_usd=costs,
        words=tuple(recommendation(ranking, shown.table, costs, len(whole.examples))),
    )


def projected_costs(
    spends: Sequence[Spend],
    strategies: Sequence[str],
    prices: Mapping[str, PriceConfig],
    *,
    factor: float,
) -> dict[str, float | None]:
    """Return what each strategy would cost for the whole data; unknown stays unknown.

    An answer that came from the cache cost the pilot nothing. For the whole data it counts at its
    price, as most of those answers are not in the cache.

    Args:
        spends: Of the pilot; those of rungs count as their ladder's.
        strategies: Names.
        prices: `prices` of the configuration.
        factor: Examples of the whole data to one of the pilot.
    """
    costs: dict[str, float | None] = dict.fromkeys(strategies, 0.0)
    counted: set[tuple[str, str | None]] = set()
    for spend in spends:
        request = (spend.subject_id, spend.request_key)
        # A killed process had asked for it already.
        if spend.cached and request in counted:
            continue
        counted.add(request)
        name = spend.strategy.partition("/")[0]
        so_far, cost = costs.get(name), _full_cost(spend, prices)
        costs[name] = None if so_far is None or cost is None else so_far + factor * cost
    return {name: costs[name] for name in strategies}


def _full_cost(spend: Spend, prices: Mapping[str, PriceConfig]) -> float | None:
    if not spend.cached:
        return spend.cost_usd
    price = price_of(spend.model, prices)
    return None if price is None else price.cost_usd(spend.tokens_in, spend.tokens_out)
