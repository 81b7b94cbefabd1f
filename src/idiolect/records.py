"""The values that flow through idiolect: Example, Candidate, Verdict, Measurement, Choice.

All are frozen. Ids are derived from content, never drawn, so that the same inputs give the
same id: that is what makes a run resumable and a paid answer reusable.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "Answer",
    "Candidate",
    "Cell",
    "Choice",
    "CodeTests",
    "Context",
    "ContextKind",
    "Drift",
    "Evaluated",
    "Example",
    "Failure",
    "FinishReason",
    "Measurement",
    "Message",
    "Part",
    "Spend",
    "Status",
    "TokenScores",
    "Verdict",
    "content_id",
]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["given", "stop", "length"]
"""`given`: an existing text. `stop`: the model ended its turn. `length`: it was cut off."""
Status = Literal["correct", "incorrect", "unparsable", "unchecked", "error"]
"""`unparsable` is the model's fault, `error` is ours, `unchecked` is nobody's."""
Part = Literal["prompt", "answer", "reference", "own", "others"]
"""What the writer of a response may be shown: `own` is the target's own answer, `others` are
its answers to other prompts."""
ContextKind = Literal["prompt", "none", "local", "self-aligned"]
"""What the target saw before the response: its prompt; nothing; the prompt and the last few
steps before each step; the prompt behind the target's own answers to other prompts."""
Context = str
"""A context kind; for `self-aligned` with the number of the draw: `self-aligned-0`."""


def content_id(*parts: object) -> str:
    """Return 16 hex digits that depend on nothing but the parts' JSON form."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTests:
    """What is needed to run a program against its tests."""

    tests: tuple[str, ...]
    """Statements that fail on a wrong program; for HumanEval, text that defines `check`."""

    setup: str = ""
    """Code that runs before the tests."""

    prompt: str = ""
    """Code that the response continues (HumanEval); empty when it is a whole program."""

    entry_point: str | None = None
    """Name of the function that `check` is called with (HumanEval)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A prompt, an optional reference response, and what is needed to check an answer."""

    id: str
    messages: tuple[Message, ...]
    """The prompt: every turn before the response, the last one by the user."""

    reference: str | None = None
    answer: str | None = None
    choices: tuple[str, ...] | None = None
    tests: CodeTests | None = None
    responses: Mapping[str, str] = field(default_factory=dict[str, str])
    """Responses that exist already, by name."""

    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One response made by one strategy for one example, with its provenance."""

    id: str
    example_id: str
    strategy: str
    text: str
    finish_reason: FinishReason
    sample_index: int = 0
    token_ids: tuple[int, ...] | None = None
    """The ids that the target generated, without its end of turn; None for other texts."""

    model: str | None = None
    """Who wrote it; None when the dataset did."""

    revision: str | None = None
    prompt_hash: str | None = None
    parent_id: str | None = None
    """The candidate that this one corrects or continues."""

    shown: tuple[Part, ...] = ()
    """What the writer was shown of the example, in alphabetical order."""

    seed: int | None = None
    tokens_in: int | None = None
    """Of all requests that were made for it, as are `tokens_out` and `cost_usd`."""

    tokens_out: int | None = None
    cost_usd: float | None = None
    """None is unknown, 0.0 is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verifier found when it checked one candidate."""

    candidate_id: str
    verifier: str
    status: Status
    extracted: str | None = None
    """The answer that was read out of the response, for a person to look at."""

    rule: str | None = None
    """The extraction rule that fired."""

    detail: str | None = None
    """Why, where status and extracted answer do not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Raw sums over the tokens of one response under the target; every ratio derives from them.

    Negative log-likelihoods are in nats and leave the terminator out.
    """

    candidate_id: str
    context: Context
    nll: float
    tokens: int
    bytes: int
    """UTF-8 bytes of the response text."""

    rank_sum: int | None
    """Sum of token ranks; the most likely token of a row has rank 1. None where the way of
    scoring does not tell ranks."""

    terminator_nll: float | None
    """Of the template's end of turn; None for a response that was cut off."""

    path: str
    """The way of scoring that produced the numbers, as the scorer names it."""

    clipped_rank_sum: int | None = None
    """Sum of token ranks, each at most 100; None where ranks are not told."""

    step_nll_sum: float | None = None
    """Sum over the response's steps of each step's mean NLL; only in the context `local`."""

    steps: int | None = None
    """How many steps that sum is over."""

    @property
    def mean_nll(self) -> float:
        """Mean surprisal, in nats per token."""
        return self.nll / self.tokens

    @property
    def perplexity(self) -> float:
        """Exp of the mean surprisal."""
        return math.exp(self.mean_nll)

    @property
    def bits_per_byte(self) -> float:
        """Surprisal over the bytes of the text: it compares models with different tokens."""
        return self.nll / (self.bytes * math.log(2))

    @property
    def mean_rank(self) -> float | None:
        """Mean rank of the tokens, from 1; None where ranks are not told."""
        return None if self.rank_sum is None else self.rank_sum / self.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """The tokens of one scored response behind its prompt, for a person to look at."""

    candidate_id: str
    pieces: tuple[str, ...]
    """The text of each token. Joined they are the response; a token that ends inside of a
    character is empty, and the one that completes it holds the whole character."""

    nlls: tuple[float, ...]
    """Nats, rounded to four digits: for reading, not for sums."""

    ranks: tuple[int, ...] | None
    """1 is the token that the target held most likely. None where the scorer does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What selection decided about one candidate, and why."""

    example_id: str
    candidate_id: str
    chosen: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training of a study: a dataset, a learning rate, a seed."""

    id: str
    dataset: str
    learning_rate: float
    seed: int
    rows: int
    """Examples that it was trained on."""

    steps: int
    """Optimizer steps."""

    first_loss: float
    last_loss: float
    """Mean nats per token of a batch."""

    seconds: float
    adapter: str
    """Folder of the adapter that was taken, relative to the run."""

    validation_rate: float | None = None
    """Share of correct answers to the validation split that it was taken for; None where there
    was nothing to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a base model or an adapter to an example that it was not trained on."""

    subject_id: str
    """Id of a cell; `base-1`, `base-2` and so on for the runs of the base model."""

    split: str
    """`validation`, `test`, or the name of another task."""

    example_id: str
    sample_index: int
    status: Status
    text: str
    tokens_out: int
    extracted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One answer of a model to a test example, checked."""

    example_id: str
    sample_index: int
    status: Status
    """`error` is ours: there is no answer, or the check failed. It counts in no rate."""

    text: str
    tokens_out: int
    """End of turn included, where there was one."""

    extracted: str | None = None
    """The answer that was read out of the text, for a person to look at."""

    finish_reason: FinishReason | None = None
    """None where there is no answer."""

    detail: str | None = None
    """Why, for `error` and where the verifier says more."""

    task: str = ""
    """The name of the test data."""

    revision: str = ""
    """Of the model that answered, its adapter included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far a tuned model lies from its base on one response. Nats.

    Sums over the positions of the response, end of turn included; see `evaluation.drift`.
    """

    example_id: str
    source: Literal["own", "reference"]
    """`own`: the base model's greedy answer."""

    tokens: int
    kl_base_tuned: float
    """KL(base || tuned)."""

    kl_tuned_base: float
    """KL(tuned || base)."""

    base_nll: float
    tuned_nll: float
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A piece of work that gave no result. It does not stop the others."""

    subject_id: str
    """The candidate that failed, or that would have come to be."""

    example_id: str
    step: Literal["generate", "verify", "score"]
    strategy: str
    reason: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """One answered request to the teacher, whatever became of the answer."""

    subject_id: str
    """The candidate that it was made for."""

    attempt: int
    """Which try at this candidate, from 1; a killed or repeated one is counted again."""

    request: int
    """Place among the requests of the try, from 0."""

    example_id: str
    strategy: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    """None is unknown, 0.0 is free."""

    cached: bool
    """Taken from the cache: nothing was paid."""
