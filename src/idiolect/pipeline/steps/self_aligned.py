"""Contexts of self-aligned perplexity: the target's own correct answers to other prompts.

Source: arXiv 2502.11779; the authors put k correct answers of the target to other questions,
without those questions, before the question. The words around them are ours, and so is the
draw: seeded for each prompt, and leave-one-out by construction (the authors' rotating index
could show a question its own answer).
"""

import dataclasses
import random
from collections.abc import Sequence

from idiolect.pipeline.job import Job
from idiolect.pipeline.self_aligned import NAME
from idiolect.records import Candidate, Example, Measurement, Message, Verdict, content_id

__all__ = ["answer_pool", "forget_outdated", "self_aligned_messages", "with_answers"]

_INTRODUCTION = "These are answers to other problems. They show how to write an answer."
_QUESTION = "Now answer this:"


def answer_pool(job: Job) -> dict[str, str]:
    """Return example -> a correct, finished answer of the target; the first by sample."""
    name = job.verifier_name
    correct = {
        v.candidate_id for v in job.run.all(Verdict) if v.verifier == name and v.status == "correct"
    }
    strategy = job.config.self_aligned.answers
    pool: dict[str, str] = {}
    for candidate in sorted(job.run.all(Candidate), key=lambda c: (c.example_id, c.sample_index)):
        text = job.target.chat.response_text(candidate.text).strip()
        is_usable = candidate.id in correct and candidate.finish_reason != "length" and text
        if candidate.strategy == strategy and is_usable:
            pool.setdefault(candidate.example_id, text)
    return pool


def self_aligned_messages(job: Job, draw: int) -> dict[str, tuple[Message, ...]]:
    """Return example -> prompt behind own answers; examples with too few others are left out."""
    settings, pool = job.config.self_aligned, answer_pool(job)
    prompts = {example.id: _words(example) for example in job.examples}
    found: dict[str, tuple[Message, ...]] = {}
    for example in job.examples:
        # A prompt that stands in the data twice is no other prompt.
        others = [pool[i] for i in sorted(pool) if prompts[i] != prompts[example.id]]
        if len(others) < settings.examples:
            continue
        rng = random.Random(content_id(job.config.seed, NAME, example.id, draw))
        answers = rng.sample(others, settings.examples)
        found[example.id] = with_answers(example.messages, answers)
    return found


def with_answers(messages: Sequence[Message], answers: Sequence[str]) -> tuple[Message, ...]:
    """Return a prompt with answers to other prompts before its last turn's text."""
    *earlier, last = messages
    shown = "\n\n".join(f"Answer {n}:\n{text}" for n, text in enumerate(answers, 1))
    text = f"{_INTRODUCTION}\n\n{shown}\n\n{_QUESTION}\n\n{last.content}"
    return (*earlier, dataclasses.replace(last, content=text))


def forget_outdated(job: Job) -> None:
    """Drop measurements behind other answers than those that are known now.

    More answers may have come to be since, when failed ones were tried again.
    """
    now = content_id(sorted(answer_pool(job).items()))
    if job.run.recall(NAME, now) != now:
        for draw in range(job.config.self_aligned.draws):
            job.run.delete(Measurement, context=f"{NAME}-{draw}")
    job.run.note(NAME, now)


def _words(example: Example) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in example.messages]
