"""`score`: the raw sums of every response, one row each."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from idiolect.config import Config
from idiolect.data.read import read_dataset
from idiolect.pipeline.inputs import RunOptions, open_job
from idiolect.pipeline.outcome import Outcome, outcome
from idiolect.pipeline.responses import named_responses
from idiolect.pipeline.steps import propose_step, retry, score_step
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
    options = options or RunOptions()
    job = open_job("score", config, dataset, strategies=names, verify=False, options=options)
    with job:
        if options.retry_failed:
            retry(job)
        propose_step(job, report)
        score_step(job, report)
        write_scores(job.run, Path(output))
        job.write_manifest()
        return outcome(job, exported=Path(output))


def write_scores(run: Run, output: Path) -> None:
    """Write one row for each scored candidate, by example and then by strategy."""
    place = {example.id: index for index, example in enumerate(run.all(Example))}
    measured = {m.candidate_id: m for m in run.all(Measurement) if m.context == "prompt"}
    scored = [c for c in run.all(Candidate) if c.id in measured]
    scored.sort(key=lambda c: place[c.example_id])
    lines = [json.dumps(score_row(c, measured[c.id]), ensure_ascii=False) + "\n" for c in scored]
    write_atomically(output, "".join(lines))


def score_row(
    candidate: Candidate, measurement: Measurement
) -> dict[str, str | int | float | None]:
    """Return the row of one response. `nll` leaves the terminator out; nats throughout."""
    m = measurement
    return {
        "example_id": candidate.example_id,
        "strategy": candidate.strategy,
        "nll": m.nll,
        "tokens": m.tokens,
        "bytes": m.bytes,
        "terminator_nll": m.terminator_nll,
        "mean_nll": m.nll / m.tokens,
        "perplexity": math.exp(m.nll / m.tokens),
        "bits_per_byte": m.nll / (m.bytes * math.log(2)),
        "mean_rank": None if m.rank_sum is None else m.rank_sum / m.tokens,
    }
