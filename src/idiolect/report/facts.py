"""What a report shows, read from a run."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.familiarity import MEASURES
from idiolect.pipeline.accent import Phrase, accent, phrase_counts
from idiolect.pipeline.confounds import Confounds, confounds
from idiolect.pipeline.outcome import load_rows
from idiolect.pipeline.reading import Reading, readings
from idiolect.pipeline.spending import payments, payments_sentences, spending
from idiolect.pipeline.table import RunRows, StrategyRow, is_rung, mean_nlls, strategy_table
from idiolect.records import (
    Candidate,
    Example,
    Failure,
    Payment,
    Spend,
    TokenScores,
    Verdict,
    content_id,
)
from idiolect.report.study import StudyFacts, load_study
from idiolect.runs.store import RunReader
from idiolect.verification.hygiene import check_hygiene

__all__ = ["Accent", "Facts", "drawn", "read_facts"]

_MOST_ACCENT_RESPONSES = 400
_NO_VERIFIER = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accent:
    """The most foreign phrases of one strategy."""

    strategy: str
    phrases: tuple[Phrase, ...]
    in_own: Mapping[str, int] | None
    """Phrase -> how often the target's own answers say it; None without own answers."""

    looked_at: int
    """Responses that the phrases come from."""

    of: int
    """Responses with token scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the page shows, the example browser left out."""

    run: Path
    manifest: Mapping[str, Any]
    config: str
    """`config.resolved.yaml` as it is; empty where there is none."""

    examples: int
    rows: RunRows
    table: tuple[StrategyRow, ...]
    readings: tuple[Reading, ...]
    perplexities: Mapping[str, Sequence[float]]
    confounds: tuple[Confounds, ...]
    hygiene: tuple[str, ...]
    failures: tuple[tuple[str, int, str], ...]
    """Step, rows, and the reason of the first of them."""

    accents: tuple[Accent, ...]
    spend: Mapping[str, Mapping[str, Any]]
    """Strategy -> what the teacher was asked and paid, see `spending`."""

    payments: tuple[str, ...]
    """What was paid to servers in all, and what may have been billed; see `payments`."""

    study: StudyFacts | None

    @property
    def target(self) -> str:
        """Name of the target; of a folder the last part, which is what people call it."""
        name = str(self.manifest.get("target", {}).get("model") or "the target")
        return Path(name).name if Path(name).is_absolute() else name

    @property
    def is_lab(self) -> bool:
        """Whether the target is one of the embedded world."""
        return self.target.startswith("lab:")

    @property
    def chosen(self) -> Mapping[str, int]:
        """Strategy -> chosen responses."""
        return {row.strategy: row.chosen for row in self.table if row.chosen}


def read_facts(run: RunReader, *, seed: int) -> Facts:
    """Read a run and sum it up with the functions of the pipeline."""
    manifest = _manifest(run.path / "manifest.json")
    rows = load_rows(run, _verifier(run, manifest))
    nlls = mean_nlls(rows)
    examples = run.all(Example)
    config = run.path / "config.resolved.yaml"
    return Facts(
        run=run.path,
        manifest=manifest,
        config=config.read_text(encoding="utf-8") if config.is_file() else "",
        examples=len(examples),
        rows=rows,
        table=tuple(strategy_table(rows, ())),
        readings=tuple(readings(nlls)),
        perplexities=_perplexities(rows),
        confounds=tuple(confounds(rows)),
        hygiene=check_hygiene(examples).sentences,
        failures=_failures(run.all(Failure)),
        accents=_accents(run, rows.candidates, seed),
        spend=spending(run.all(Spend)),
        payments=tuple(payments_sentences(payments(run.all(Payment)))),
        study=load_study(run.path / "study.json"),
    )


def drawn(ids: Sequence[str], limit: int, *, seed: int) -> set[str]:
    """Return a uniform sample that depends on the ids and the seed alone."""
    return set(sorted(ids, key=lambda id_: content_id(seed, id_))[:limit])


def _manifest(path: Path) -> dict[str, Any]:
    """Return the manifest; a run that has not ended yet has none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _verifier(run: RunReader, manifest: Mapping[str, Any]) -> str:
    """Return the verifier whose verdicts count: the run's own, or the only one there is."""
    named = manifest.get("verifier", {}).get("name")
    return named or next((v.verifier for v in run.all(Verdict)), _NO_VERIFIER)


def _perplexities(rows: RunRows) -> dict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for candidate in rows.candidates:
        if candidate.id in rows.measurements and not is_rung(candidate):
            value = MEASURES["perplexity"].value(rows.measurements[candidate.id])
            found[candidate.strategy].append(value)
    return dict(found)


def _failures(failures: Sequence[Failure]) -> tuple[tuple[str, int, str], ...]:
    counts = Counter(failure.step for failure in failures)
    first = {failure.step: failure.reason for failure in reversed(failures)}
    return tuple((step, count, first[step]) for step, count in counts.items())


def _accents(run: RunReader, candidates: Sequence[Candidate], seed: int) -> tuple[Accent, ...]:
    """Return the accent of each strategy whose tokens were kept."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    kept = run.keys(TokenScores)
    for candidate in candidates:
        if candidate.id in kept and not is_rung(candidate):
            groups[candidate.strategy].append(candidate.id)
    own = [c.text for c in candidates if c.strategy == "own"]
    found: list[Accent] = []
    for strategy, ids in groups.items():
        looked_at = drawn(ids, _MOST_ACCENT_RESPONSES, seed=seed)
        phrases = accent(run.of_candidates(TokenScores, looked_at))
        counts = phrase_counts(own, [p.text for p in phrases]) if own else None
        found.append(
            Accent(
                strategy=strategy,
                phrases=phrases,
                in_own=counts if strategy != "own" else None,
                looked_at=len(looked_at),
                of=len(ids),
            )
        )
    return tuple(found)
