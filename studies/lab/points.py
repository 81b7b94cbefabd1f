"""The five points, each with what was measured and whether it holds."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from idiolect.lab.targets import TARGETS
from idiolect.pipeline.compare import Pilot
from idiolect.pipeline.study import Study
from idiolect.pipeline.study.results import rates_of
from idiolect.records import Answer, Candidate, Measurement, Verdict
from idiolect.runs import RunReader
from idiolect.statistics import Comparison, compare_all, paired_bootstrap
from studies.lab.familiarity import EXACT, Surprisals

__all__ = ["Point", "all_points", "familiar"]

ALIKE = 1.15
ORDER = ("native", "minimal-change", "tutor", "textbook")
"""Kinds of responses, the nearer one first. The minimal change is that of a corrector who leaves
traces of its own wording (docs/decisions/0007)."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One thing that the lab must show."""

    name: str
    holds: bool
    facts: tuple[str, ...]


def all_points(
    main: Study,
    crossings: dict[str, Study],
    pilot: Pilot,
    surprisals: dict[str, Surprisals],
) -> list[Point]:
    """Return the five points.

    Args:
        main: Four datasets for amber.
        crossings: Learner -> its study of both targets' corrected answers.
        pilot: On the strategies of `main`.
        surprisals: Target -> how foreign each kind of response is to it.
    """
    return [
        familiar(surprisals),
        _crossing(crossings),
        _against_references(main),
        _pilot(main, pilot),
        _can_say_no(main, crossings["amber"]),
    ]


def familiar(surprisals: dict[str, Surprisals]) -> Point:
    """Check the order of kinds, each step by the interval of its paired difference.

    The order is native, minimal change, tutor, textbook, and native is nearer than every other
    idiolect. What an exact corrector's change is beside native is told and not judged: it is
    native text.
    """
    facts: list[str] = []
    holds = True
    for target, kinds in surprisals.items():
        means = {name: np.exp(np.mean(list(values.values()))) for name, values in kinds.items()}
        facts.append(f"{target}: " + ", ".join(f"{n} {means[n]:.3f}" for n in sorted(means)))
        foreign = [n for n in kinds if n not in ("own", "native", "minimal-change", EXACT)]
        steps = [*pairwise(ORDER), *(("native", name) for name in foreign)]
        for first, second in steps:
            low, high, shared = _gap(kinds[first], kinds[second])
            holds &= high < 0
            facts.append(
                f"{target}: {first} {'is' if high < 0 else 'IS NOT'} nearer than {second}, "
                f"{low:+.4f} to {high:+.4f} nats/token (95 %, n={shared})"
            )
        low, high, shared = _gap(kinds["native"], kinds[EXACT])
        facts.append(
            f"{target}: not judged: native minus {EXACT}, {low:+.4f} to {high:+.4f} nats/token "
            f"(95 %, n={shared})"
        )
    return Point(name="familiarity is real", holds=bool(holds), facts=tuple(facts))


def _gap(first: dict[str, float], second: dict[str, float]) -> tuple[float, float, int]:
    shared = sorted(first.keys() & second.keys())
    one, other = (np.array([each[e] for e in shared]) for each in (first, second))
    return *paired_bootstrap(one, other), len(shared)


def _crossing(studies: dict[str, Study]) -> Point:
    facts: list[str] = []
    holds = True
    for learner, study in studies.items():
        mine = {result.name: result for result in study.found.datasets}
        other = next(name for name in TARGETS if name != learner)
        ratio = mine[learner].facts.tokens / mine[other].facts.tokens
        for where, comparisons in (("task", study.found.pairs), ("kept", study.found.kept)):
            comparison = _between(comparisons, learner, other)
            holds &= comparison == "better"
            facts.append(f"{learner}, {where}, own words against {other}'s: {comparison}")
        holds &= 1 / ALIKE <= ratio <= ALIKE
        facts.append(
            f"{learner}: gain {100 * mine[learner].gain:+.1f} and {100 * mine[other].gain:+.1f} "
            f"points, length ratio {ratio:.2f}"
        )
    return Point(name="the crossing", holds=holds, facts=tuple(facts))


def _against_references(study: Study) -> Point:
    facts: list[str] = []
    holds = True
    for name in ("minimal-change", "ladder"):
        for where, comparisons in (("gain", study.found.pairs), ("forgetting", study.found.kept)):
            verdict = _between(comparisons, name, "reference")
            holds &= verdict == "better"
            facts.append(f"{name}, {where}, against reference: {verdict}")
    return Point(
        name="minimal change and ladder beat the references", holds=holds, facts=tuple(facts)
    )


def _pilot(study: Study, pilot: Pilot) -> Point:
    picked = next(iter(pilot.ranking.measures[0].means))
    beaten = [
        other.name
        for other in study.found.datasets
        if other.name != picked and _between(study.found.pairs, other.name, picked) == "better"
    ]
    best = max(study.found.datasets, key=lambda result: result.gain)
    facts = (
        f"compare picks {picked} over {pilot.ranking.shared} shared prompts",
        f"best after training: {best.name} ({100 * best.gain:+.1f} points)",
        f"better than the pick: {', '.join(beaten) or 'none'}",
        *pilot.words,
    )
    return Point(name="the pilot picks the best or a tie", holds=not beaten, facts=facts)


def _can_say_no(main: Study, crossing: Study) -> Point:
    """Two names for one thing, and wrong responses that are familiar."""
    first = _rates(main, "minimal-change")
    second = _rates(crossing, "amber")
    shared = sorted(first.keys() & second.keys())
    seeds = len(next(iter(first.values())))
    # The same texts under two names. Halves of the seeds, crosswise, so that no adapter meets
    # itself: the trainings of one seed are equal.
    half = seeds // 2
    one = np.array([[first[e][s] for e in shared] for s in range(half)])
    other = np.array([[second[e][s] for e in shared] for s in range(half, 2 * half)])
    (null,) = compare_all({"minimal-change": one, "the same by another name": other})
    wrong, chosen_wrong = _familiar_and_wrong(main)
    return Point(
        name="it can say no",
        holds=null.verdict == "cannot tell" and wrong > 0 and chosen_wrong == 0,
        facts=(
            null.words,
            f"{wrong} prompts have a wrong own answer that is more familiar than the correct "
            f"response that was taken; wrong ones taken: {chosen_wrong}",
        ),
    )


def _rates(study: Study, dataset: str) -> dict[str, list[float]]:
    """Return example -> the rates of each seed."""
    result = next(each for each in study.found.datasets if each.name == dataset)
    with RunReader(study.run) as run:
        answers = [a for a in run.all(Answer) if a.split == "test"]
    subjects = [cell.id for cell in result.cells]
    failed = {a.example_id for a in answers if a.status == "error"}
    ids = sorted({a.example_id for a in answers} - failed)
    table = rates_of(answers, subjects, "test")
    return {example: [float(v) for v in table[:, place]] for place, example in enumerate(ids)}


def _familiar_and_wrong(study: Study) -> tuple[int, int]:
    """Return how many prompts have a wrong own answer that is more familiar than what was taken."""
    with RunReader(study.run) as run:
        nlls = {m.candidate_id: m.mean_nll for m in run.all(Measurement)}
        status = {v.candidate_id: v.status for v in run.all(Verdict)}
        candidates = run.all(Candidate)
    taken = {c.example_id: c for c in candidates if c.strategy == "minimal-change"}
    own = [c for c in candidates if c.strategy == "own" and c.example_id in taken]
    wrong = [c for c in own if status[c.id] != "correct"]
    nearer = sum(nlls[c.id] < nlls[taken[c.example_id].id] for c in wrong)
    return nearer, sum(status[c.id] != "correct" for c in taken.values())


def _between(comparisons: tuple[Comparison, ...], first: str, second: str) -> str:
    """Return the verdict of one name against another, whichever stood first."""
    turned = {"better": "worse", "worse": "better"}
    for each in comparisons:
        if (each.first, each.second) == (first, second):
            return each.verdict
        if (each.first, each.second) == (second, first):
            return turned.get(each.verdict, each.verdict)
    raise KeyError(f"{first} and {second} were not compared")
