"""Runs for the report, written through the store with known numbers."""

from collections.abc import Mapping
from pathlib import Path

from idiolect.records import (
    Candidate,
    Choice,
    Example,
    FinishReason,
    Measurement,
    Message,
    TokenScores,
    Verdict,
)
from idiolect.runs.store import Run

NLLS = {"reference": 2.0, "own": 0.25, "column:other": 1.0}
"""Strategy -> nats of each of its tokens."""


def write_run(path: Path, examples: int, *, texts: Mapping[str, str] | None = None) -> Path:
    """Write a run with three strategies; `texts` replaces the responses of row-9."""
    with Run(path, {"command": "build"}) as run:
        run.add(
            *(
                row
                for index in range(examples)
                for row in _rows(index, dict(texts or {}) if index == 9 else {})
            )
        )
    return path


def _rows(index: int, texts: dict[str, str]) -> list:
    example_id = f"row-{index}"
    prompt = Message(role="user", content=f"Question {index}: how many pens?")
    rows: list = [Example(id=example_id, messages=(prompt,), answer=str(index))]
    for strategy, nll in NLLS.items():
        text = texts.get(strategy) or _text(strategy, index)
        finish: FinishReason = "stop" if strategy == "own" else "given"
        candidate_id = f"{example_id}/{strategy}"
        pieces = _pieces(text)
        # Every third own answer is wrong.
        is_right = strategy != "own" or index % 3 > 0
        is_chosen = strategy == ("own" if index % 3 else "column:other")
        rows += [
            Candidate(
                id=candidate_id,
                example_id=example_id,
                strategy=strategy,
                text=text,
                finish_reason=finish,
                # Wrong own answers are those that saw the reference.
                shown=() if is_right else ("prompt", "reference"),
                cost_usd=0.0 if strategy != "column:other" else 0.0125,
            ),
            Verdict(
                candidate_id=candidate_id,
                verifier="numeric",
                status="correct" if is_right else "incorrect",
                extracted=str(index),
                rule="last-number",
            ),
            Measurement(
                candidate_id=candidate_id,
                context="prompt",
                nll=nll * len(pieces) * (1 + index % 5 / 10),
                tokens=len(pieces),
                bytes=len(text.encode()),
                rank_sum=len(pieces),
                terminator_nll=0.1,
                path="by hand",
            ),
            TokenScores(
                candidate_id=candidate_id,
                pieces=pieces,
                nlls=(nll,) * len(pieces),
                ranks=(3,) * len(pieces),
            ),
            Choice(
                example_id=example_id,
                candidate_id=candidate_id,
                chosen=is_chosen,
                reason="the most familiar of the correct ones" if is_chosen else "kept out",
            ),
        ]
    return rows


def _text(strategy: str, index: int) -> str:
    return {
        "reference": f"Hence one obtains {index}",
        "own": f"So there are {index} pens",
        "column:other": f"So we get {index} pens",
    }[strategy]


def _pieces(text: str) -> tuple[str, ...]:
    """Cut a text into pieces of a few characters, as a tokenizer would."""
    return tuple(text[i : i + 4] for i in range(0, len(text), 4))
