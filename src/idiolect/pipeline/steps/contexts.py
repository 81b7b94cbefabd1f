"""What a response is scored behind: its prompt, nothing, a window of steps, own answers."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.errors import TemplateError
from idiolect.familiarity.local import WINDOW, step_spans
from idiolect.models.pieces import TokenTexts
from idiolect.pipeline.job import Job
from idiolect.records import Candidate, Context, Example, Message
from idiolect.scoring.base import ScoreRequest

__all__ = ["Work", "local_work", "prompt_work", "unconditional_work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A candidate with what is to be scored of it in one context."""

    candidate: Candidate
    context: Context
    requests: tuple[ScoreRequest, ...]
    text: str
    """The response as it is scored."""

    spans: tuple[tuple[int, int], ...] = ()
    """Tokens of each step, in the context `local`."""


def prompt_work(
    job: Job,
    example: Example,
    candidate: Candidate,
    *,
    context: Context = "prompt",
    messages: Sequence[Message] | None = None,
) -> Work:
    """Return the work of scoring a candidate behind its prompt, or behind other messages.

    Raises:
        TemplateError: the template refuses the messages or changes the response.
    """
    chat = job.target.chat
    text = chat.response_text(candidate.text)
    rendered = chat.render(
        messages or example.messages,
        candidate.text,
        complete=candidate.finish_reason != "length",
    )
    # Ids that the target generated are scored as they are; its text could tokenise otherwise.
    response_ids = candidate.token_ids if text == candidate.text else None
    request = ScoreRequest(
        prompt_ids=rendered.prompt_ids,
        response_ids=(response_ids or rendered.response_ids) if text.strip() else (),
        terminator_id=rendered.terminator_id,
    )
    return Work(candidate=candidate, context=context, requests=(request,), text=text)


def unconditional_work(job: Job, work: Work) -> Work:
    """Return the work of scoring a response behind a boundary token alone.

    Raises:
        TemplateError: the tokenizer has no such token.
    """
    (request,) = work.requests
    alone = dataclasses.replace(request, prompt_ids=job.target.chat.unconditional_ids())
    return dataclasses.replace(work, context="none", requests=(alone,))


def local_work(texts: TokenTexts, work: Work) -> Work:
    """Return the work of scoring each step behind the prompt and the steps right before it.

    The first steps, whose window reaches back to the prompt, are one request.

    Raises:
        TemplateError: the tokens of the response cannot be told apart as texts.
    """
    (request,) = work.requests
    ids = request.response_ids
    pieces = texts.pieces(ids, work.text)
    if pieces is None and ids:
        raise TemplateError("the tokenizer does not tell which text each token stands for")
    spans = step_spans(pieces or ())
    first = spans[min(WINDOW, len(spans) - 1)][1] if spans else 0
    requests = [
        ScoreRequest(prompt_ids=request.prompt_ids, response_ids=ids[:first], terminator_id=None)
    ]
    for index in range(WINDOW + 1, len(spans)):
        start, stop = spans[index]
        requests.append(
            ScoreRequest(
                prompt_ids=request.prompt_ids + ids[spans[index - WINDOW][0] : start],
                response_ids=ids[start:stop],
                terminator_id=None,
            )
        )
    return dataclasses.replace(work, context="local", requests=tuple(requests), spans=tuple(spans))
