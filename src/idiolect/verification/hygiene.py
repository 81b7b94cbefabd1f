"""One report on a dataset's texts: defects by strategy, duplicates, strategies that are twins."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.records import Example
from idiolect.verification.answers import final_answer_ends
from idiolect.verification.duplicates import (
    DuplicateGroup,
    TwinStrategies,
    duplicate_groups,
    twin_strategies,
)
from idiolect.verification.lint import Defect, DefectKind, lint

__all__ = ["Hygiene", "StrategyDefects", "check_hygiene", "expects_final_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDefects:
    """The defects of one kind in the responses of one strategy."""

    strategy: str
    kind: DefectKind
    of: int
    """Responses that were looked at."""

    rows: tuple[tuple[str, Defect], ...]
    """Example ids with what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """What is wrong with the texts of a dataset. Nothing is removed."""

    defects: tuple[StrategyDefects, ...]
    duplicate_prompts: tuple[DuplicateGroup[str], ...]
    """Groups of example ids."""

    twins: tuple[TwinStrategies, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in words, one finding a sentence; empty for clean data."""
        lines = [
            f"{d.strategy}: {len(d.rows)} of {d.of} responses: {_WORDS[d.kind]} "
            f"(e.g. {d.rows[0][0]}{': ' + repr(d.rows[0][1].quote) if d.rows[0][1].quote else ''})"
            for d in self.defects
        ]
        lines += [
            f"the responses {t.first!r} and {t.second!r} are the same text in {t.same} of "
            f"{t.shared} examples"
            for t in self.twins
        ]
        if self.duplicate_prompts:
            rows = sum(len(group.keys) for group in self.duplicate_prompts)
            first = ", ".join(self.duplicate_prompts[0].keys[:4])
            lines.append(
                f"{rows} examples have equal or nearly equal prompts, in "
                f"{len(self.duplicate_prompts)} groups (e.g. {first})"
            )
        return tuple(lines)


_WORDS: dict[DefectKind, str] = {
    "empty": "empty",
    "meta-talk": "talk about a correction or a reference",
    "refusal": "refuse to answer",
    "apology": "apologise",
    "truncated": "end in the middle",
    "no-final-answer": "lack the final answer line that the data ask for",
    "repeated-final-answer": "state the final answer more than once",
    "contradiction": "state a final answer that their reasoning does not end with",
}


def expects_final_answer(examples: Sequence[Example]) -> bool:
    """Tell whether most prompts ask for a line "Final Answer: ...", or references have one."""
    if not examples:
        return False
    asking = sum("final answer" in e.messages[-1].content.lower() for e in examples if e.messages)
    having = sum(bool(final_answer_ends(e.reference or "")) for e in examples)
    return 2 * max(asking, having) > len(examples)


def check_hygiene(examples: Sequence[Example]) -> Hygiene:
    """Look at every reference and response, and at the prompts."""
    expected = expects_final_answer(examples)
    found: defaultdict[tuple[str, DefectKind], list[tuple[str, Defect]]] = defaultdict(list)
    counts: defaultdict[str, int] = defaultdict(int)
    for example in examples:
        code = example.tests is not None
        texts = {"reference": example.reference, **example.responses}
        for strategy, text in texts.items():
            if text is None:
                continue
            counts[strategy] += 1
            defects = lint(
                text,
                expects_final_answer=expected and not code,
                code=code,
                choices=example.choices,
            )
            for defect in defects:
                found[strategy, defect.kind].append((example.id, defect))
    prompts = [(e.id, "\n".join(m.content for m in e.messages)) for e in examples]
    return Hygiene(
        defects=tuple(
            StrategyDefects(strategy=strategy, kind=kind, of=counts[strategy], rows=tuple(rows))
            for (strategy, kind), rows in found.items()
        ),
        duplicate_prompts=tuple(duplicate_groups(prompts, threshold=0.9)),
        twins=tuple(twin_strategies(examples)),
    )
