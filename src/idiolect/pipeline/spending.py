"""What the teacher was paid, by strategy; and what the ladder saved."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idiolect.records import Candidate, Failure, Spend

__all__ = ["LadderReport", "ladder_report", "ladder_sentence", "spending", "spending_sentences"]


def spending(spends: Iterable[Spend]) -> dict[str, dict[str, Any]]:
    """Return strategy -> answered requests, cached ones among them, tokens and dollars.

    `usd` is the sum of the known costs; `unknown` counts the requests whose cost is not known.
    The rungs of the ladder count as the ladder's.
    """
    by_strategy: dict[str, list[Spend]] = defaultdict(list)
    for spend in spends:
        by_strategy[spend.strategy.partition("/")[0]].append(spend)
    return {
        name: {
            "requests": len(group),
            "cached": sum(s.cached for s in group),
            "tokens_in": sum(s.tokens_in for s in group),
            "tokens_out": sum(s.tokens_out for s in group),
            "usd": sum(s.cost_usd or 0.0 for s in group),
            "unknown": sum(s.cost_usd is None for s in group),
        }
        for name, group in by_strategy.items()
    }


def spending_sentences(spent: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each strategy that asked the teacher."""
    return [
        f"{name} asked the teacher {row['requests']} times"
        + (f" ({row['cached']} from the cache)" if row["cached"] else "")
        + f": {row['tokens_in']:,} tokens in, {row['tokens_out']:,} out, ${row['usd']:.4f}"
        + (f" and {row['unknown']} requests of unknown price" if row["unknown"] else "")
        for name, row in spent.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderReport:
    """How far the examples of the ladder had to climb."""

    settled: Mapping[str, int]
    """Rung -> examples that it settled."""

    unsettled: int
    asked_teacher: int
    """Examples that the teacher was asked about."""

    requests: int
    usd: float | None
    """Paid for them; None where any part of it is unknown."""

    @property
    def examples(self) -> int:
        """All examples that came to an end."""
        return sum(self.settled.values()) + self.unsettled

    @property
    def saved(self) -> float | None:
        """Share of the teacher's work that was saved.

        Compared with asking about every example, at the same requests and cost for each as for
        those that it was asked about.
        """
        return 1 - self.asked_teacher / self.examples if self.examples else None


def ladder_report(
    candidates: Sequence[Candidate], failures: Sequence[Failure], spends: Sequence[Spend]
) -> LadderReport | None:
    """Return how far examples had to climb; None where there was no ladder."""
    by_id = {candidate.id: candidate for candidate in candidates}
    final = [c for c in candidates if c.strategy == "ladder"]
    failed = [f for f in failures if f.strategy == "ladder" and f.step == "generate"]
    if not final and not failed:
        return None
    rungs = Counter(by_id[c.parent_id or ""].strategy.removeprefix("ladder/") for c in final)
    paid = [s for s in spends if s.strategy.startswith("ladder")]
    known = [s.cost_usd for s in paid if s.cost_usd is not None]
    return LadderReport(
        settled=dict(rungs.most_common()),
        unsettled=len(failed),
        asked_teacher=len({s.example_id for s in paid}),
        requests=len(paid),
        usd=sum(known) if len(known) == len(paid) else None,
    )


def ladder_sentence(report: LadderReport) -> str:
    """Say what the ladder did."""
    rungs = ", ".join(f"{rung} {count}" for rung, count in report.settled.items())
    saved = f", which saved {report.saved:.0%} of the requests" if report.saved is not None else ""
    return (
        f"ladder settled {report.examples - report.unsettled} of {report.examples} examples "
        f"({rungs or 'none'}); the teacher was asked about {report.asked_teacher} of them"
        f"{saved} that asking about each would take"
    )
