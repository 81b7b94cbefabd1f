"""`retarget`: the candidates of a run, chosen again for another target.

Candidates and their verdicts are taken over as they are; nothing is generated or paid again. Only
what depends on the target is computed: one scoring pass, and the choice. Responses that suit one
model need not suit another (arXiv 2509.22230).
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from idiolect.config import Config, TargetConfig, load_config
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError
from idiolect.pipeline.export import ended, export_run
from idiolect.pipeline.inputs import open_job
from idiolect.pipeline.job import Job, RunOptions
from idiolect.pipeline.outcome import Outcome, outcome
from idiolect.pipeline.steps import choose_step, retry, score_step
from idiolect.records import Candidate, Choice, Example, Measurement, Verdict, content_id
from idiolect.runs.manifest import write_atomically
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import Run, RunReader
from idiolect.statistics import mean_interval

__all__ = ["Change", "Retargeted", "retarget"]

Kind = Literal["kept", "changed", "gained", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of the choice for one example."""

    example_id: str
    kind: Kind
    """`gained`: chosen only now; `lost`: chosen only before."""

    before: str | None
    """Strategy of the response that was chosen for the old target."""

    after: str | None
    before_id: str | None
    after_id: str | None
    before_mean_nll: float | None
    """Nats per token of the old choice under the new target; None where it was not scored."""

    after_mean_nll: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retargeted:
    """A new run, and how its choices differ from the old one's."""

    outcome: Outcome
    before_run: Path
    before_target: str
    after_target: str
    changes: tuple[Change, ...]
    """One for each example with a choice before or after."""

    rows: Path
    """The changes as JSONL."""

    @property
    def counts(self) -> dict[Kind, int]:
        """How many choices were kept, changed, gained and lost."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ("kept", "changed", "gained", "lost")}

    @property
    def moves(self) -> dict[tuple[str, str], int]:
        """(strategy before, strategy after) -> number of changed examples."""
        pairs = ((c.before, c.after) for c in self.changes if c.kind == "changed")
        return dict(Counter((b or "", a or "") for b, a in pairs).most_common())

    @property
    def saved_nats(self) -> tuple[float, tuple[float, float], int] | None:
        """Mean nats per token by which changed choices suit the new target better.

        With its 95 % interval and n; None where fewer than two examples changed. The new choice
        is the one with the lower score, so this cannot say that either choice teaches better.
        """
        gains = [
            change.before_mean_nll - change.after_mean_nll
            for change in self.changes
            if change.kind == "changed"
            and change.before_mean_nll is not None
            and change.after_mean_nll is not None
        ]
        if len(gains) < 2:
            return None
        return float(np.mean(gains)), mean_interval(np.array(gains)), len(gains)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """What is taken over from the old run."""

    path: Path
    config: Config
    examples: tuple[Example, ...]
    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]
    chosen: Mapping[str, str]
    """Example -> candidate."""

    verifier: str


def retarget(
    run_path: str | Path,
    target: TargetConfig,
    *,
    output_dir: str | Path | None = None,
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> Retargeted:
    """Score the candidates of a run under another target and choose again.

    Args:
        run_path: A run of `build`.
        target: The other model. What happens to thoughts stays as it was in the run.
        output_dir: The new run. Default: `runs/retarget-RUN-MODEL`.
        options: How to go about the new run.
        report: Is told how far the work is.

    Raises:
        ConfigError: there is no such run, it has not ended, or nothing was chosen in it.
    """
    pool = _read_pool(Path(run_path))
    options = options or RunOptions()
    model = Path(target.model or "model").name
    config = dataclasses.replace(
        pool.config,
        target=dataclasses.replace(target, thinking=pool.config.target.thinking),
        output_dir=str(output_dir or Path("runs") / f"retarget-{pool.path.name}-{model}"),
    )
    with _open(pool, config, options) as job:
        job.run.add(*pool.candidates, *pool.verdicts)
        if options.retry_failed:
            retry(job)
        score_step(job, report)
        choose_step(job)
        job.write_manifest()
        exported = export_run(job.run, job.run.path / "train.jsonl", to="trl")
        changes = _changes(pool, job.run)
        rows = job.run.path / "retarget.jsonl"
        lines = [json.dumps(dataclasses.asdict(c), ensure_ascii=False) + "\n" for c in changes]
        write_atomically(rows, "".join(lines))
        return Retargeted(
            outcome=outcome(job, exported=exported.path),
            before_run=pool.path,
            before_target=pool.config.target.model or "",
            after_target=job.target.name,
            changes=changes,
            rows=rows,
        )


def _read_pool(path: Path) -> _Pool:
    with RunReader(path) as run:
        chosen = {c.example_id: c.candidate_id for c in run.all(Choice) if c.chosen}
        if not chosen:
            raise ConfigError(
                f"{path}: no response was chosen in this run, so there is no choice to make "
                "again; choose with `idiolect build`"
            )
        manifest: dict[str, Any] = json.loads(ended(path, "manifest.json"))
        return _Pool(
            path=path,
            config=load_config(path / "config.resolved.yaml"),
            examples=tuple(run.all(Example)),
            # The ids are those of the old target's tokenizer.
            candidates=tuple(dataclasses.replace(c, token_ids=None) for c in run.all(Candidate)),
            verdicts=tuple(run.all(Verdict)),
            chosen=chosen,
            verifier=manifest["verifier"]["name"],
        )


def _open(pool: _Pool, config: Config, options: RunOptions) -> Job:
    dataset = Dataset(
        source=str(pool.path),
        examples=pool.examples,
        problems=(),
        layout="run",
        mapping=(f"{len(pool.candidates)} candidates of {pool.path}",),
    )
    job = open_job(
        "retarget",
        config,
        dataset,
        strategies=["reference"],  # nothing is proposed; the candidates are there
        verify=False,
        options=options,
        made_from={
            "candidates": content_id([c.id for c in pool.candidates]),
            "verdicts": content_id([dataclasses.asdict(v) for v in pool.verdicts]),
            "verifier": pool.verifier,
        },
    )
    return dataclasses.replace(
        job, recorded_verifier=pool.verifier, verifier_reason=f"as recorded in {pool.path}"
    )


def _changes(pool: _Pool, run: Run) -> tuple[Change, ...]:
    strategies = {c.id: c.strategy for c in pool.candidates}
    after = {c.example_id: c.candidate_id for c in run.all(Choice) if c.chosen}
    nlls = {m.candidate_id: m.mean_nll for m in run.all(Measurement) if m.context == "prompt"}
    changes: list[Change] = []
    for example in pool.examples:
        old, new = pool.chosen.get(example.id), after.get(example.id)
        if old is None and new is None:
            continue
        kind: Kind = "kept" if old == new else "changed"
        kind = "gained" if old is None else "lost" if new is None else kind
        changes.append(
            Change(
                example_id=example.id,
                kind=kind,
                before=strategies[old] if old else None,
                after=strategies[new] if new else None,
                before_id=old,
                after_id=new,
                before_mean_nll=nlls.get(old or ""),
                after_mean_nll=nlls.get(new or ""),
            )
        )
    return tuple(changes)
