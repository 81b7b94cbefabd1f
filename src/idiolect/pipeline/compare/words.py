"""A pilot's recommendation in words, with its uncertainty and its confounds."""

import math
from collections.abc import Mapping, Sequence

from idiolect.pipeline.compare.ranking import Ranked, Ranking
from idiolect.pipeline.table import StrategyRow

__all__ = ["recommendation"]

_SURE = 0.95
_LENGTHS_DIFFER = 1.15
_CORRECTNESS_DIFFERS = 0.05


def recommendation(
    ranking: Ranking,
    table: Sequence[StrategyRow],
    costs: Mapping[str, float | None],
    whole: int,
) -> list[str]:
    """Return what the pilot says, the recommendation first."""
    if not ranking.measures:
        return [
            f"No recommendation: {ranking.shared} of {ranking.prompts} prompts have a usable "
            "response of every ranked strategy. Try more prompts or other strategies.",
            *_left_out(ranking),
        ]
    main = ranking.measures[0]
    winner = next(iter(main.means))
    return [
        _verdict(main, ranking, costs),
        *_agreement(ranking, winner),
        *_left_out(ranking),
        *_confounds(winner, main, {row.strategy: row for row in table}),
        _cost(winner, costs, whole),
        "Familiarity predicts what training gives and does not prove it: `idiolect study` does.",
    ]


def _verdict(main: Ranked, ranking: Ranking, costs: Mapping[str, float | None]) -> str:
    winner, *others = main.means
    over = f"over {ranking.shared} prompts that all {len(main.means)} ranked strategies share"
    if not others:
        return f"Recommendation: {winner}, the only strategy with enough usable responses."
    facts = (
        f"{main.measure} {main.means[winner]:.2f}, best with probability {main.best[winner]:.2f}"
    )
    if main.best[winner] >= _SURE:
        return f"Recommendation: {winner} ({facts}, {over})."
    # Those that might as well be the best, the surest first.
    rivals = [name for name in others if main.best[name] >= 1 - _SURE]
    cheap = _cheapest([winner, *rivals], costs)
    advice = f" The cheapest of them is {cheap}." if cheap else ""
    return (
        f"Recommendation: cannot tell between {', '.join([winner, *rivals])}; {winner} comes first "
        f"({facts}, {over}).{advice}"
    )


def _cheapest(names: Sequence[str], costs: Mapping[str, float | None]) -> str | None:
    known = {name: cost for name in names if (cost := costs.get(name)) is not None}
    if len(known) < len(names) or len(set(known.values())) == 1:
        return None
    return min(known, key=lambda name: known[name])


def _agreement(ranking: Ranking, winner: str) -> list[str]:
    others = [(r.measure, next(iter(r.means))) for r in ranking.measures[1:]]
    differing = [f"{measure} prefers {name}" for measure, name in others if name != winner]
    if not others:
        return []
    if not differing:
        return [f"All {len(ranking.measures)} measures put {winner} first."]
    return [f"The measures disagree: {'; '.join(differing)}."]


def _left_out(ranking: Ranking) -> list[str]:
    return [
        f"{name} is not ranked: a usable response for {ranking.usable[name]} of "
        f"{ranking.prompts} prompts. It may still be one source among several."
        for name in ranking.left_out
    ]


def _confounds(winner: str, main: Ranked, table: Mapping[str, StrategyRow]) -> list[str]:
    """Name what else differs between the winner and the others."""
    said: list[str] = []
    mine = table[winner]
    for name in list(main.means)[1:]:
        other = table[name]
        if mine.tokens and other.tokens:
            ratio = mine.tokens / other.tokens
            if not 1 / _LENGTHS_DIFFER <= ratio <= _LENGTHS_DIFFER:
                said.append(
                    f"confound: {winner} has {mine.tokens:.0f} tokens, {name} {other.tokens:.0f}."
                )
        gap = _share(mine) - _share(other)
        if abs(gap) > _CORRECTNESS_DIFFERS:
            said.append(
                f"confound: {_share(mine):.0%} of {winner} is correct and {_share(other):.0%} of "
                f"{name}."
            )
    return said


def _share(row: StrategyRow) -> float:
    judged = sum(n for status, n in row.verdicts.items() if status not in ("unchecked", "error"))
    return row.verdicts.get("correct", 0) / judged if judged else math.nan


def _cost(winner: str, costs: Mapping[str, float | None], whole: int) -> str:
    cost = costs.get(winner)
    if cost is None:
        return f"Cost of {winner} for all {whole} examples: unknown."
    return f"Cost of {winner} for all {whole} examples: about ${cost:.2f}."
