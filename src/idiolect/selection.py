"""Selection: the most familiar correct candidate of each example, with a reason for each.

Pure functions: verdicts and measurements go in, choices come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.records import Candidate, Choice, Measurement, Verdict

__all__ = ["Contender", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A candidate with all that is known about it."""

    candidate: Candidate
    verdict: Verdict | None
    """None where no verifier ran."""

    measurement: Measurement | None
    """None where scoring failed."""

    defect: str | None = None
    """What must not be trained on in its text, in words; None for a clean one."""

    @property
    def mean_nll(self) -> float:
        """Nats per token; only for scored contenders."""
        assert self.measurement is not None
        return self.measurement.mean_nll


def choose(
    contenders: Sequence[Contender], *, noise: float, allow_unchecked: bool = True
) -> list[Choice]:
    """Choose one of an example's candidates: the most familiar of the correct ones.

    Candidates whose mean NLL lies within the scorer's noise of the best are ties: the shorter
    one (in tokens) is taken, then the first by strategy name, then by sample index. A text that
    was taken over unchanged counts for the candidate that it was taken from.

    Args:
        contenders: All candidates of one example.
        noise: Nats per token by which two scores of equal responses may differ.
        allow_unchecked: Let candidates that nothing could be checked about be chosen. They
            are, only where no candidate of the example was found correct.

    Returns:
        One choice for each contender, in order.
    """
    dropped = {c.candidate.id: _why_not(c, allow_unchecked=allow_unchecked) for c in contenders}
    eligible = [c for c in contenders if dropped[c.candidate.id] is None]
    correct = [c for c in eligible if _status(c) == "correct"]
    pool = correct or eligible
    if not pool:
        return [_choice(c, dropped[c.candidate.id] or "") for c in contenders]
    best = min(c.mean_nll for c in pool)
    tied = [c for c in pool if c.mean_nll <= best + noise]
    winner = _origin(min(tied, key=_tie_order), tied)
    return [
        _choice(
            c,
            dropped[c.candidate.id] or _placing(c, winner, tied, pool),
            chosen=c is winner,
        )
        for c in contenders
    ]


def _why_not(contender: Contender, *, allow_unchecked: bool) -> str | None:
    """Return why a candidate can't be chosen, or None."""
    verdict = contender.verdict
    status = _status(contender)
    if contender.candidate.finish_reason == "length":
        return "dropped: cut off at the token limit"
    if status == "unchecked" and not allow_unchecked:
        return "dropped: there is nothing to check it against"
    if status not in ("correct", "unchecked"):
        assert verdict is not None
        read = f", read {verdict.extracted!r}" if verdict.extracted is not None else ""
        return f"dropped: {status}{read}"
    if contender.defect is not None:
        return f"dropped: {contender.defect}"
    if contender.measurement is None:
        return "dropped: it has no score"
    return None


def _placing(
    contender: Contender, winner: Contender, tied: list[Contender], pool: list[Contender]
) -> str:
    """Say where an eligible candidate came in."""
    if contender is winner:
        kind = "correct" if _status(winner) == "correct" else "unchecked"
        if len(tied) > 1:
            word = _tie_word(winner, tied)
            return f"chosen: tied for the most familiar of {len(pool)} {kind}, and {word}"
        return f"chosen: the most familiar of {len(pool)} {kind}"
    if contender not in pool:
        return "kept out: unchecked, while another candidate is correct"
    if contender in tied:
        word = _tie_word(winner, [winner, contender])
        return f"kept out: as familiar as {winner.candidate.strategy}, which is {word}"
    excess = contender.mean_nll - winner.mean_nll
    return f"kept out: {excess:.3f} nats/token more foreign than {winner.candidate.strategy}"


def _tie_order(contender: Contender) -> tuple[int, str, int]:
    assert contender.measurement is not None
    candidate = contender.candidate
    return contender.measurement.tokens, candidate.strategy, candidate.sample_index


def _origin(contender: Contender, tied: Sequence[Contender]) -> Contender:
    """Return the tied candidate that the text was taken over from unchanged, if there is one."""
    parent = next((c for c in tied if _is_taken_over(contender, c)), None)
    return _origin(parent, tied) if parent else contender


def _tie_word(winner: Contender, tied: list[Contender]) -> str:
    if any(_is_taken_over(c, winner) for c in tied):
        return "the origin of the same text"
    lengths = {_tie_order(c)[0] for c in tied}
    return "shorter" if len(lengths) > 1 else "first by name"


def _is_taken_over(contender: Contender, origin: Contender) -> bool:
    """Tell whether a candidate is another strategy's text, unchanged.

    A rung of the ladder (`ladder/hinted`) is no other strategy than the ladder.
    """
    candidate, parent = contender.candidate, origin.candidate
    is_part = parent.strategy.startswith(f"{candidate.strategy}/")
    return candidate.parent_id == parent.id and candidate.text == parent.text and not is_part


def _status(contender: Contender) -> str:
    return contender.verdict.status if contender.verdict else "unchecked"


def _choice(contender: Contender, reason: str, *, chosen: bool = False) -> Choice:
    candidate = contender.candidate
    return Choice(
        example_id=candidate.example_id,
        candidate_id=candidate.id,
        chosen=chosen,
        reason=reason,
    )
