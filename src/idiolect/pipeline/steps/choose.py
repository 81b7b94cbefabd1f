"""One candidate is chosen for each example."""

from itertools import groupby

from idiolect.pipeline.job import Job
from idiolect.records import Candidate, Example, Measurement, Verdict
from idiolect.selection import Contender, choose
from idiolect.verification.lint import DefectKind, lint

__all__ = ["choose_step", "contenders_of"]

# Defects that a response must not be chosen with, however familiar it is.
_UNFIT: dict[DefectKind, str] = {
    "meta-talk": "talks about a correction or a reference",
    "refusal": "refuses to answer",
    "truncated": "ends in the middle",
}


def choose_step(job: Job) -> None:
    """Choose one candidate for each example. Cheap and pure, so it is done anew each time."""
    for contenders in contenders_of(job).values():
        job.run.add(
            *choose(
                contenders,
                noise=job.scorer.noise,
                allow_unchecked=job.config.selection.allow_unchecked,
            )
        )


def contenders_of(job: Job) -> dict[str, list[Contender]]:
    """Return the candidates of each example with all that is known about them."""
    name = job.verifier_name
    verdicts = {v.candidate_id: v for v in job.run.all(Verdict) if v.verifier == name}
    measurements = {m.candidate_id: m for m in job.run.all(Measurement) if m.context == "prompt"}
    examples = {example.id: example for example in job.examples}
    ordered = sorted(job.run.all(Candidate), key=lambda c: c.example_id)
    return {
        example_id: [
            Contender(
                candidate=candidate,
                verdict=verdicts.get(candidate.id),
                measurement=measurements.get(candidate.id),
                defect=_defect(
                    candidate,
                    job.target.chat.response_text(candidate.text),
                    examples[candidate.example_id],
                ),
            )
            for candidate in group
        ]
        for example_id, group in groupby(ordered, key=lambda c: c.example_id)
    }


def _defect(candidate: Candidate, text: str, example: Example) -> str | None:
    """Return what must not be trained on in a text, in words; None for a clean one."""
    found = lint(
        text,
        finish_reason=candidate.finish_reason,
        code=example.tests is not None,
        choices=example.choices,
    )
    for defect in found:
        if defect.kind in _UNFIT:
            return f"{_UNFIT[defect.kind]} ({defect.quote.strip()!r})"
    return None
