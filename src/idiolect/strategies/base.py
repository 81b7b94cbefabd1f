"""What a strategy is: a way to produce a response, with what it lets the writer see."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from idiolect.config import Config
from idiolect.errors import ConfigError
from idiolect.models.base import Model
from idiolect.records import Candidate, Example, Part, Spend, Status, content_id
from idiolect.strategies.tasks import Result, Role, Task, drive, finished
from idiolect.strategies.wording import Wording
from idiolect.verification.base import Finding

__all__ = ["WINDOW", "Strategy", "StrategyContext", "given", "given_candidate"]

WINDOW = 128
"""Examples that a strategy of several rounds works on together. A killed process loses at most
the rounds of so many; what was paid for is in the cache."""


def _forget(spend: Spend) -> None:
    """Book nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyContext:
    """What a strategy may use."""

    target: Model | None
    teacher: Model | None = None
    config: Config
    seed: int
    template: str
    """Fingerprint of the target's chat template."""

    done: Container[str]
    """Ids of candidates that exist already, and of work that failed: not to be made again."""

    own_answers: Mapping[str, Sequence[Candidate]] = field(
        default_factory=dict[str, Sequence[Candidate]]
    )
    """Example -> the target's own answers, in the order of their samples."""

    own_may_come: Container[str] = frozenset[str]()
    """Examples whose own answer failed, and may succeed on another try."""

    statuses: Mapping[str, Status] = field(default_factory=dict[str, Status])
    """Candidate -> what the verifier found."""

    examples: Mapping[str, Example] = field(default_factory=dict[str, Example])
    """All examples of the run by id, for strategies that look at other ones."""

    check: Callable[[Sequence[tuple[Example, str]]], list[Finding]] | None = None
    """The verifier; None where nothing can be checked."""

    wording: Wording = field(default_factory=Wording)
    paid: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    """Candidate -> US dollars that earlier tries at it were paid with."""

    book: Callable[[Spend], None] = _forget
    """Is told of every answered request to the teacher, at once."""

    memo: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    """What a strategy has worked out of all examples, so that it does so once."""

    def model(self, role: Role) -> Model:
        """Return who plays a role.

        Raises:
            ConfigError: nobody does.
        """
        model = self.target if role == "target" else self.teacher
        if model is None:
            raise ConfigError(
                f"strategies: they need a {role} that can answer; name one with --{role}"
            )
        return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to produce responses."""

    name: str
    teacher: str | None = None
    """Which of `teachers` it asks; None for `teacher`. Behind an `@` it ends the name."""

    writer: Literal["dataset", "target", "teacher"]
    """Whose words most of the response are."""

    sees: frozenset[Part]
    """All that the writer may be shown. What it was shown stands in each candidate."""

    begin: Callable[[Example, StrategyContext, str], Iterable[Task]]
    """Returns the work on one example; none where the strategy does not apply to it. The last
    argument is the name that its candidates go by."""

    asks: frozenset[Role] = frozenset()
    needs: frozenset[Literal["own", "verifier"]] = frozenset()
    """What must be there before: own answers with their verdicts, a verifier."""

    prompts: tuple[str, ...] = ()
    """Names of the prompts that it uses."""

    window: int | None = None
    """Examples that are worked on together; None for all of them."""

    @property
    def kind(self) -> str:
        """Its name without the teacher's."""
        return self.name.removesuffix(f"@{self.teacher}") if self.teacher else self.name

    def propose(self, examples: Sequence[Example], context: StrategyContext) -> Iterator[Result]:
        """Yield candidates in the order of the examples, as soon as they exist.

        Nothing is yielded for an example that the strategy does not apply to, for what is done
        already, nor for what was not tried because the money is used up.

        Raises:
            ConfigError: a model is needed and not there.
        """
        for role in self.asks:
            if (context.target if role == "target" else context.teacher) is None:
                raise ConfigError(
                    f"strategy {self.name!r} needs a {role} that can answer; name one with --{role}"
                )
        if "verifier" in self.needs and context.check is None:
            raise ConfigError(
                f"strategy {self.name!r} needs answers that can be checked; name a verifier with "
                "--verifier, or leave the strategy out"
            )
        tasks = (
            task
            for example in examples
            for task in self.begin(example, context, self.name)
            if task.id not in context.done
        )
        return drive(tasks, context.model, context.check, window=self.window)


def given_candidate(example: Example, strategy: str, text: str) -> Candidate:
    """Return a candidate for a text that exists already."""
    return Candidate(
        id=content_id(example.id, strategy, text),
        example_id=example.id,
        strategy=strategy,
        text=text,
        finish_reason="given",
        cost_usd=0.0,
    )


def given(example: Example, strategy: str, text: str | None) -> list[Task]:
    """Return the work of taking a text that exists already; none where there is no text."""
    if text is None:
        return []
    candidate = given_candidate(example, strategy, text)
    return [
        Task(
            id=candidate.id,
            example_id=example.id,
            strategy=strategy,
            work=finished([candidate]),
        )
    ]
