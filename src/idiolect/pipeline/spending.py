"""What the teacher was paid, by strategy; and what the ladder saved."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idiolect.models.money import Money
from idiolect.records import Candidate, Failure, Payment, Spend
from idiolect.runs.payments import PaymentBook
from idiolect.runs.store import Run

__all__ = [
    "LadderReport",
    "keep_payments",
    "ladder_reports",
    "ladder_sentence",
    "paid_by_candidate",
    "payments",
    "payments_sentences",
    "spending",
    "spending_sentences",
]


def keep_payments(money: Money, run: Run) -> None:
    """Write what is paid into a run, and count what the run has paid before. Nothing is sent yet.

    Raises:
        StorageError: the disk refuses.
    """
    money.keep_in(PaymentBook(run.path), run.all(Spend))


def payments(rows: Iterable[Payment]) -> dict[str, Any]:
    """Return what a run paid to servers, for teacher and judge, useless answers included.

    `usd` is the sum of the known costs of `answers`, `unknown` counts the others. `unsure`
    requests may have been billed on top, for `unsure_usd` at most.
    """
    all_rows = list(rows)
    paid = [row for row in all_rows if row.state == "paid"]
    unsure = [row for row in all_rows if row.state != "paid"]
    unknown = [row for row in paid if row.paid_usd is None]
    return {
        "answers": len(paid),
        "usd": sum(row.paid_usd or 0.0 for row in paid),
        "unknown": len(unknown),
        "unsure": len(unsure),
        "killed": sum(row.state == "killed" for row in unsure),
        "unsure_usd": sum(row.worst_usd or 0.0 for row in [*unsure, *unknown]),
    }


def payments_sentences(paid: Mapping[str, Any]) -> list[str]:
    """Say what a run paid to servers; nothing where it asked none."""
    if not paid["answers"] and not paid["unsure"]:
        return []
    said = f"paid in all: ${paid['usd']:.4f} for {paid['answers']} answers of servers"
    if paid["unknown"]:
        said += f", {paid['unknown']} of them of unknown cost"
    sentences = [said]
    if paid["unsure"]:
        killed = f" ({paid['killed']} when the process was killed)" if paid["killed"] else ""
        sentences.append(
            f"{paid['unsure']} requests that no answer arrived for{killed} may have been billed"
        )
    if paid["unsure_usd"]:
        sentences.append(
            f"what is not known to be paid is ${paid['unsure_usd']:.4f} at most, and counts "
            "against --max-cost"
        )
    return sentences


def paid_by_candidate(spends: Iterable[Spend]) -> dict[str, float | None]:
    """Return candidate -> what its requests cost; None where any part of it is unknown."""
    paid: dict[str, float | None] = {}
    for spend in spends:
        before = paid.get(spend.subject_id, 0.0)
        if before is None or spend.cost_usd is None:
            paid[spend.subject_id] = None
        else:
            paid[spend.subject_id] = before + spend.cost_usd
    return paid


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


def ladder_reports(
    candidates: Sequence[Candidate], failures: Sequence[Failure], spends: Sequence[Spend]
) -> dict[str, LadderReport]:
    """Return how far examples had to climb, by ladder: `ladder`, or `ladder@TEACHER`."""
    by_id = {candidate.id: candidate for candidate in candidates}
    settled: dict[str, Counter[str]] = defaultdict(Counter)
    for candidate in candidates:
        if _is_ladder(candidate.strategy):
            rung = by_id[candidate.parent_id or ""].strategy
            settled[candidate.strategy][rung.removeprefix(f"{candidate.strategy}/")] += 1
    unsettled = Counter(
        f.strategy for f in failures if _is_ladder(f.strategy) and f.step == "generate"
    )
    return {
        name: _ladder_report(
            settled[name],
            unsettled[name],
            [s for s in spends if s.strategy.partition("/")[0] == name],
        )
        for name in sorted(settled.keys() | unsettled.keys())
    }


def _is_ladder(strategy: str) -> bool:
    return strategy.partition("@")[0] == "ladder" and "/" not in strategy


def _ladder_report(settled: Counter[str], unsettled: int, paid: Sequence[Spend]) -> LadderReport:
    known = [s.cost_usd for s in paid if s.cost_usd is not None]
    return LadderReport(
        settled=dict(settled.most_common()),
        unsettled=unsettled,
        asked_teacher=len({s.example_id for s in paid}),
        requests=len(paid),
        usd=sum(known) if len(known) == len(paid) else None,
    )


def ladder_sentence(name: str, report: LadderReport) -> str:
    """Say what a ladder did."""
    rungs = ", ".join(f"{rung} {count}" for rung, count in report.settled.items())
    saved = f", which saved {report.saved:.0%} of the requests" if report.saved is not None else ""
    return (
        f"{name} settled {report.examples - report.unsettled} of {report.examples} examples "
        f"({rungs or 'none'}); the teacher was asked about {report.asked_teacher} of them"
        f"{saved} that asking about each would take"
    )
