"""`score`: the raw sums of every response, one row each."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from idiolect.config import Config
from idiolect.data.read import read_dataset
from idiolect.familiarity import MEASURES, Measured
from idiolect.pipeline.inputs import open_job
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome, by_candidate, outcome
from idiolect.pipeline.responses import named_responses
from idiolect.pipeline.self_aligned import NAME
from idiolect.pipeline.steps import propose_step, retry, score_step, verify_step
from idiolect.records import Candidate, Example, Measurement
from idiolect.runs.manifest import write_atomically
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import Run

__all__ = ["score", "score_row"]


def score(
    config: Config,
    output: str | Path,
    *,
    responses: Sequence[str] = ("all",),
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> Outcome:
    """Score responses under the target and write one row for each.

    Args:
        config: Data and target.
        output: The JSONL file to write.
        responses: `all`, or names: `reference` and the names of response columns.
        options: How to go about the run.
        report: Is told how far the work is.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    dataset = read_dataset(config.data)
    names = named_responses(dataset, responses)
    # Self-aligned perplexity shows the target answers of its own that are known to be right.
    is_aligned = NAME in config.measures
    if is_aligned:
        names = list(dict.fromkeys([*names, config.self_aligned.answers]))
    options = options or RunOptions()
    job = open_job("score", config, dataset, strategies=names, verify=is_aligned, options=options)
    with job:
        if options.retry_failed:
            retry(job)
        propose_step(job, report)
        verify_step(job, report)
        score_step(job, report)
        write_scores(job.run, Path(output), config.measures)
        job.write_manifest()
        return outcome(job, exported=Path(output))


def write_scores(run: Run, output: Path, measures: Sequence[str]) -> None:
    """Write one row for each scored candidate, by example and then by strategy."""
    place = {example.id: index for index, example in enumerate(run.all(Example))}
    measured = by_candidate(run.all(Measurement))
    scored = [c for c in run.all(Candidate) if c.id in measured]
    scored.sort(key=lambda c: place[c.example_id])
    rows = [score_row(c, measured[c.id], measures) for c in scored]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_atomically(output, "".join(lines))


def score_row(
    candidate: Candidate, measured: Measured, measures: Sequence[str] = ()
) -> dict[str, str | int | float | None]:
    """Return the row of one response. `nll` leaves the terminator out; nats throughout.

    Measures that were asked for have a column each, null where they are not defined.
    """
    m = measured.prompt
    row: dict[str, str | int | float | None] = {
        "example_id": candidate.example_id,
        "strategy": candidate.strategy,
        "nll": m.nll,
        "tokens": m.tokens,
        "bytes": m.bytes,
        "terminator_nll": m.terminator_nll,
        "mean_nll": m.mean_nll,
        "perplexity": m.perplexity,
        "bits_per_byte": m.bits_per_byte,
        "mean_rank": m.mean_rank,
    }
    for measure in (MEASURES[name] for name in measures if name != "length"):
        value = measure.value(measured) if measure.is_defined(measured) else None
        # JSON has no infinity.
        finite = value if value is None or math.isfinite(value) else None
        row.setdefault(measure.name.replace("-", "_"), finite)
    return row
