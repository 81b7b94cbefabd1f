"""Where one candidate is written: whom to ask, and what has been shown and paid so far."""

import dataclasses
from collections.abc import Iterable, Sequence

from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Sampling
from idiolect.records import (
    Candidate,
    Example,
    FinishReason,
    Message,
    Part,
    Spend,
    content_id,
)
from idiolect.strategies.base import StrategyContext
from idiolect.strategies.tasks import Ask, Check, GaveUp, Role, Skipped, Steps
from idiolect.verification.base import Finding
from idiolect.verification.lint import DefectKind, lint

__all__ = ["Desk", "last_turn", "sampling_of", "transcript"]

_UNFIT: tuple[DefectKind, ...] = ("empty", "meta-talk", "refusal", "truncated")


class Desk:
    """Where one candidate is written.

    Args:
        context: What the strategy may use.
        example: The example.
        strategy: The name that the candidate goes by.
        writers: Who is going to be asked; the first one counts as the author.
        messages: The first request.
        shown: What the requests show of the example.
        settings: What else decides the answer, as plain data.
        parent: The candidate that is corrected or continued.
        sample_index: Which of several samples.
    """

    def __init__(
        self,
        context: StrategyContext,
        example: Example,
        strategy: str,
        *,
        writers: Sequence[Role],
        messages: Sequence[Message],
        shown: Iterable[Part],
        settings: object = None,
        parent: Candidate | None = None,
        sample_index: int = 0,
    ) -> None:
        self.context, self.example, self.strategy = context, example, strategy
        self.messages = tuple(messages)
        self._parent, self._index = parent, sample_index
        self._shown = tuple(sorted(shown))
        self._author = context.model(writers[0])
        template = context.template if "target" in writers else None
        self.prompt_hash = content_id(template, [(m.role, m.content) for m in messages])
        self.id = content_id(
            example.id,
            strategy,
            [_identity(context, role) for role in writers],
            self.prompt_hash,
            parent.id if parent else None,
            settings,
            context.seed,
            sample_index,
        )
        self._requests = self._tokens_in = self._tokens_out = 0
        # Of earlier tries too: an answer that they paid for comes from the cache now.
        self._cost = context.paid.get(self.id, 0.0)

    def ask(
        self,
        role: Role,
        messages: Sequence[Message] | None = None,
        *,
        sampling: Sampling | None = None,
        prefix: str = "",
    ) -> Steps[Generation]:
        """Ask a model and return its answer.

        Args:
            role: Who is asked.
            messages: Default: the first request.
            sampling: Default: as configured for the role.
            prefix: Text that the answer begins with.

        Raises:
            GaveUp: there is no answer, or an empty one.
            Skipped: the money is used up.
        """
        request = GenerationRequest(
            messages=tuple(messages or self.messages),
            sampling=sampling or sampling_of(self.context, role),
            # The same request gets the same seed in whatever strategy it is made, so that an
            # answer in the cache serves them all.
            seed=self.seed,
            prefix=prefix,
        )
        result: Generation | GenerationFailure = yield Ask(role=role, request=request)
        if isinstance(result, GenerationFailure):
            if result.skipped:
                raise Skipped
            raise GaveUp(result.reason, retryable=result.retryable)
        self._pay(role, result)
        # Half a surrogate pair is no text: neither SQLite nor a tokenizer takes it.
        text = result.text.encode("utf-8", "replace").decode("utf-8")
        if not text.strip() and not prefix:
            raise GaveUp(f"the {role} answered with nothing")
        return dataclasses.replace(result, text=text)

    def check(self, text: str) -> Steps[Finding]:
        """Let the verifier look at a text.

        Raises:
            Skipped: the money for a judge is used up.
        """
        finding: Finding = yield Check(example=self.example, text=text)
        if finding.skipped:
            raise Skipped
        return finding

    def defect(self, text: str) -> str | None:
        """Return what must not be trained on in a text, in words; None for a clean one."""
        code = self.example.tests is not None
        for found in lint(text, code=code, choices=self.example.choices):
            if found.kind in _UNFIT:
                return f"{found.kind} ({found.quote.strip()!r})"
        return None

    @property
    def seed(self) -> int:
        """Decides the draw; depends on the run's seed, the example and the sample."""
        return int(content_id(self.context.seed, self.example.id, self._index), 16) >> 1

    def candidate(
        self,
        text: str,
        finish_reason: FinishReason,
        *,
        token_ids: tuple[int, ...] | None = None,
        author: Candidate | None = None,
    ) -> Candidate:
        """Return the candidate, with all that was shown and paid.

        Args:
            text: The response.
            finish_reason: How it ended.
            token_ids: Where the target generated it.
            author: A candidate whose words it keeps as they are; default: who was asked.
        """
        return Candidate(
            id=self.id,
            example_id=self.example.id,
            strategy=self.strategy,
            text=text,
            finish_reason=finish_reason,
            sample_index=self._index,
            token_ids=token_ids,
            model=author.model if author else self._author.name,
            revision=author.revision if author else self._author.revision,
            prompt_hash=self.prompt_hash,
            parent_id=self._parent.id if self._parent else None,
            shown=author.shown if author else self._shown,
            seed=self.seed,
            tokens_in=self._tokens_in,
            tokens_out=self._tokens_out,
            cost_usd=self._cost,
        )

    def _pay(self, role: Role, result: Generation) -> None:
        self._tokens_in += result.tokens_in
        self._tokens_out += result.tokens_out
        known = self._cost is not None and result.cost_usd is not None
        self._cost = (self._cost or 0.0) + (result.cost_usd or 0.0) if known else None
        if role == "teacher":
            self.context.book(
                Spend(
                    subject_id=self.id,
                    attempt=1,
                    request=self._requests,
                    example_id=self.example.id,
                    strategy=self.strategy,
                    model=self.context.model(role).name,
                    tokens_in=result.tokens_in,
                    tokens_out=result.tokens_out,
                    cost_usd=result.cost_usd,
                    cached=result.cached,
                    request_key=result.request_key,
                )
            )
        self._requests += 1


def sampling_of(context: StrategyContext, role: Role) -> Sampling:
    """Return how a model draws its tokens, as configured."""
    config = context.config.own if role == "target" else context.config.teacher
    return Sampling(
        temperature=config.temperature, top_p=config.top_p, max_new_tokens=config.max_new_tokens
    )


def last_turn(example: Example, text: str) -> tuple[Message, ...]:
    """Return the prompt with another text as its last turn; earlier ones stay as they are."""
    return (*example.messages[:-1], Message(role="user", content=text))


def transcript(example: Example) -> str:
    """Return the prompt as one text: a lone turn as it is, several with their roles."""
    if len(example.messages) == 1:
        return example.messages[0].content
    return "\n\n".join(f"{m.role.capitalize()}: {m.content}" for m in example.messages)


def _identity(context: StrategyContext, role: Role) -> list[object]:
    model = context.model(role)
    # A server draws as it likes; only what draws here has versions.
    version = getattr(model, "sampler_version", None)
    sampler = [] if version is None else [version]
    return [model.name, model.revision, dataclasses.asdict(sampling_of(context, role)), *sampler]
