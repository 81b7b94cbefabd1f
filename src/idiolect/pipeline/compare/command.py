"""`compare`: run the strategies on some prompts, and rank them by familiarity.

The answer is a prediction: familiarity was found to predict what training gives (arXiv
2502.11779), and only `study` measures it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from idiolect.config import Config
from idiolect.data.read import Dataset, read_dataset
from idiolect.errors import ConfigError
from idiolect.pipeline.compare.ranking import Ranking, rank
from idiolect.pipeline.compare.words import recommendation
from idiolect.pipeline.drawing import drawn
from idiolect.pipeline.inputs import default_strategies, open_job
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome, load_rows, outcome
from idiolect.pipeline.steps import run_steps
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
        shown = outcome(job)
    ranking = rank(
        rows,
        names,
        prompts=[e.id for e in pilot.examples],
        first=config.measures,
        least_coverage=config.compare.least_coverage,
        seed=config.seed,
    )
    costs = projected_costs(shown, len(pilot.examples), len(whole.examples))
    return Pilot(
        outcome=shown,
        ranking=ranking,
        prompts=len(pilot.examples),
        whole=len(whole.examples),
        costs_usd=costs,
        words=tuple(recommendation(ranking, shown.table, costs, len(whole.examples))),
    )


def projected_costs(found: Outcome, prompts: int, whole: int) -> dict[str, float | None]:
    """Return what each strategy would cost for the whole data; unknown stays unknown."""
    return {
        row.strategy: None if row.cost_usd is None else row.cost_usd * whole / prompts
        for row in found.table
    }
