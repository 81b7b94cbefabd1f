"""`own`: the target answers the prompt itself, n samples.

With selection of the correct ones this is rejection sampling. Nothing but the prompt is seen.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idiolect.errors import ConfigError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Model, Sampling
from idiolect.records import Candidate, Example, Failure, content_id
from idiolect.strategies.base import Strategy, StrategyContext

__all__ = ["OWN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    """One sample of one example that is wanted."""

    candidate_id: str
    example: Example
    index: int
    prompt_hash: str
    request: GenerationRequest


def _propose(
    examples: Sequence[Example], context: StrategyContext
) -> Iterator[Candidate | Failure]:
    if context.target is None:
        raise ConfigError("strategy 'own' needs a target that can answer; name one with --target")
    draws = [
        draw
        for example in examples
        for index in range(context.own.samples)
        if (draw := _draw(example, index, context, context.target)).candidate_id not in context.done
    ]
    results = context.target.generate([draw.request for draw in draws])
    for draw, result in zip(draws, results, strict=True):
        yield _result(draw, result, context.target)


def _draw(example: Example, index: int, context: StrategyContext, target: Model) -> _Draw:
    own = context.own
    prompt_hash = content_id(context.template, [(m.role, m.content) for m in example.messages])
    return _Draw(
        candidate_id=content_id(
            example.id,
            "own",
            target.name,
            target.revision,
            prompt_hash,
            dataclasses.asdict(own),
            context.seed,
            index,
        ),
        example=example,
        index=index,
        prompt_hash=prompt_hash,
        request=GenerationRequest(
            messages=example.messages,
            sampling=Sampling(
                temperature=own.temperature, top_p=own.top_p, max_new_tokens=own.max_new_tokens
            ),
            # The seed of a sample depends on nothing that is generated beside it.
            seed=int(content_id(context.seed, example.id, index), 16) >> 1,
        ),
    )


def _result(
    draw: _Draw, result: Generation | GenerationFailure, target: Model
) -> Candidate | Failure:
    if isinstance(result, GenerationFailure) or not result.text.strip():
        failed = isinstance(result, GenerationFailure)
        return Failure(
            subject_id=draw.candidate_id,
            example_id=draw.example.id,
            step="generate",
            strategy="own",
            reason=f"{draw.example.id}: {result.reason}"
            if failed
            else f"{draw.example.id}: the target answered with nothing",
            retryable=result.retryable if failed else False,
        )
    return Candidate(
        id=draw.candidate_id,
        example_id=draw.example.id,
        strategy="own",
        text=result.text,
        finish_reason=result.finish_reason,
        sample_index=draw.index,
        token_ids=result.token_ids,
        model=target.name,
        revision=target.revision,
        prompt_hash=draw.prompt_hash,
        seed=draw.request.seed,
        tokens_in=result.tokens_in,
        tokens_out=result.tokens_out,
        cost_usd=0.0,
    )


OWN = Strategy(name="own", writer="target", sees=frozenset({"prompt"}), propose=_propose)
