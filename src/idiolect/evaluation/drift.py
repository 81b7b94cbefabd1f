"""Drift: how far a tuned model's next-token distributions lie from those of its base.

On each token position t of a response y to a prompt x, with b the base and m the tuned model,

    KL(b || m)_t = sum_v b(v | x, y_<t) (log b(v | x, y_<t) - log m(v | x, y_<t))
    KL(m || b)_t = the same with the two exchanged

over the whole vocabulary, not only the token that stands there. Both are in nats and at least 0;
sums over the positions of a response, end of turn included, are kept, and divided by the tokens
they give the mean per token.

KL(base || tuned) on prompts of the trained task is what tracks forgetting in Shenfeld et al., RL's
Razor, arXiv 2509.04259 (its forward KL, E_x KL(pi_0 || pi)). On responses that are drawn from the
base its sum over the tokens estimates the divergence of whole answers. Differs in that greedy
answers of the base, or the references of the data, stand for the draws. KL(tuned || base) is the
other direction, which a penalty in reinforcement learning has.

The NLL of the base's own answers under both models says the same in another way: a tuned model that
finds them surprising has left the base's language.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from idiolect.chat import Rendered
from idiolect.errors import DataError
from idiolect.models.base import Generation, GenerationRequest, Sampling
from idiolect.models.local import LocalModel
from idiolect.records import Drift, Example
from idiolect.runs.progress import Progress, ProgressSink, ignore_progress
from idiolect.scoring.head import Head

__all__ = [
    "Drift",
    "DriftBase",
    "DriftItem",
    "DriftMeans",
    "drift",
    "fine",
    "kl_divergences",
    "means",
    "own_answers",
    "references",
]

Source = Literal["own", "reference"]
_CHUNK_ROWS = 256
_BATCH_IDS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """A response on whose positions the two models are compared."""

    example_id: str
    source: Source
    """`own`: the base model's greedy answer."""

    rendered: Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftMeans:
    """Nats per token over all positions of several responses."""

    responses: int
    tokens: int
    kl_base_tuned: float
    kl_tuned_base: float
    base_nll: float
    tuned_nll: float


def kl_divergences(
    p_logits: Float[Tensor, "rows vocabulary"], q_logits: Float[Tensor, "rows vocabulary"]
) -> Float[Tensor, " rows"]:
    """Return KL(p || q) of each row in nats, as float64.

    Log-softmax is taken in float32 (float64 for float64 logits), sums in float64. What p holds
    impossible adds nothing; what q alone holds impossible makes the divergence infinite.
    """
    return _divergences(_log_softmax(p_logits), _log_softmax(q_logits))


def drift(
    base: LocalModel,
    tuned: LocalModel,
    items: Sequence[DriftItem],
    *,
    subject: str = "",
    split: str = "",
    report: ProgressSink = ignore_progress,
) -> list[Drift]:
    """Return the drift on each response, in order.

    Several responses go through the models together. Full distributions are compared, a few
    hundred positions at a time, so that they never lie in memory together.

    Args:
        base: The model as it was.
        tuned: The model that it became.
        items: Responses on whose positions the two are compared.
        subject: Who the tuned model is, for the rows.
        split: The name of the examples, for the rows.
        report: Is told how far the work is.

    Raises:
        DataError: a response does not fit into the context, or there is none to compare on.
    """
    one = DriftBase(base, items, keep=False)
    return one.drift(tuned, subject=subject, split=split, report=report)


class DriftBase:
    """A base model that several tuned models are compared with, on the same responses.

    What its body makes of the responses is computed once and kept: a float for each position and
    dimension of the model, in ordinary memory. Its distributions are made anew each time.

    Args:
        base: The model as it was.
        items: Responses on whose positions others are compared with it.
        keep: Whether to keep that; where one model is compared, it would only take memory.

    Raises:
        DataError: a response does not fit into the context, or there is none to compare on.
    """

    def __init__(self, base: LocalModel, items: Sequence[DriftItem], *, keep: bool = True) -> None:
        _check(items, base.max_length)
        self._items = items
        self._body = _Body(base)
        self._batches = list(_batches(items))
        self._keep = keep
        self._kept: dict[int, Tensor] = {}

    def drift(
        self,
        tuned: LocalModel,
        *,
        subject: str = "",
        split: str = "",
        report: ProgressSink = ignore_progress,
    ) -> list[Drift]:
        """Return the drift on each response, in order; see the function `drift`."""
        body = _Body(tuned)
        began = time.monotonic()
        rows: dict[int, Drift] = {}
        for number, batch in enumerate(self._batches):
            found = self._measured(body, number)
            for index, row in zip(batch, found, strict=True):
                rows[index] = dataclasses.replace(row, subject_id=subject, split=split)
            report(
                Progress(
                    step=f"drift {split}".strip(),
                    done=len(rows),
                    total=len(self._items),
                    tokens=sum(row.tokens for row in rows.values()),
                    seconds=time.monotonic() - began,
                )
            )
        return [rows[index] for index in range(len(self._items))]

    @torch.inference_mode()
    def _measured(self, tuned: "_Body", number: int) -> list[Drift]:
        items = [self._items[index] for index in self._batches[number]]
        b_rows = self._kept.get(number)
        if b_rows is None:
            b_rows = self._body.hidden(items)
            if self._keep:
                self._kept[number] = b_rows = b_rows.cpu()
        responses = [_ids(item.rendered)[len(item.rendered.prompt_ids) :] for item in items]
        t_rows = tuned.hidden(items)
        targets = torch.tensor([each for ids in responses for each in ids], device=t_rows.device)
        owners = torch.tensor([place for place, ids in enumerate(responses) for _ in ids])
        sums = torch.zeros(len(items), 4, dtype=torch.float64)
        for start in range(0, len(targets), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            logits = self._body.logits(b_rows[part]), tuned.logits(t_rows[part])
            sums.index_add_(0, owners[part], _compared(*logits, targets[part]).cpu())
        return [_row(*each) for each in zip(items, responses, sums.tolist(), strict=True)]


def means(rows: Sequence[Drift]) -> DriftMeans:
    """Return the means per token over all positions.

    Raises:
        ValueError: there are no rows.
    """
    tokens = sum(row.tokens for row in rows)
    if not tokens:
        raise ValueError("the drift of no tokens; compare on at least one response")
    return DriftMeans(
        responses=len(rows),
        tokens=tokens,
        kl_base_tuned=sum(row.kl_base_tuned for row in rows) / tokens,
        kl_tuned_base=sum(row.kl_tuned_base for row in rows) / tokens,
        base_nll=sum(row.base_nll for row in rows) / tokens,
        tuned_nll=sum(row.tuned_nll for row in rows) / tokens,
    )


def own_answers(
    base: LocalModel, examples: Sequence[Example], *, max_new_tokens: int = 512
) -> list[DriftItem]:
    """Return the base model's greedy answers; prompts without an answer are left out."""
    sampling = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=max_new_tokens)
    requests = [GenerationRequest(messages=e.messages, sampling=sampling, seed=0) for e in examples]
    items: list[DriftItem] = []
    for example, result in zip(examples, base.generate(requests), strict=True):
        if isinstance(result, Generation) and result.token_ids:
            rendered = Rendered(
                base.chat.prompt_ids(example.messages),
                result.token_ids,
                base.chat.terminator_id if result.finish_reason == "stop" else None,
            )
            items.append(DriftItem(example_id=example.id, source="own", rendered=rendered))
    return items


def references(base: LocalModel, examples: Sequence[Example]) -> list[DriftItem]:
    """Return the references of the examples that have one."""
    return [
        DriftItem(
            example_id=example.id,
            source="reference",
            rendered=base.chat.render(example.messages, example.reference),
        )
        for example in examples
        if example.reference and base.chat.response_text(example.reference).strip()
    ]


class _Body:
    """A model without its head, and the head."""

    def __init__(self, model: LocalModel) -> None:
        self._module = model.module
        self._device = model.device
        self._body: Any = getattr(model.module, model.module.base_model_prefix)
        with torch.inference_mode():
            ids = torch.zeros(1, 8, dtype=torch.long, device=self._device)
            self._head = Head(model.module, self._body(ids, use_cache=False))

    def hidden(self, items: Sequence[DriftItem]) -> Float[Tensor, "rows width"]:
        """Return the rows that predict the ids of the responses, one response after another."""
        ids = [_ids(item.rendered)[:-1] for item in items]
        width = max(map(len, ids))
        # Padding stands on the right, where no position of a response looks.
        padded = [[*each, *[0] * (width - len(each))] for each in ids]
        output = self._body(torch.tensor(padded, device=self._device), use_cache=False)
        firsts = [len(item.rendered.prompt_ids) - 1 for item in items]
        parts = zip(output.last_hidden_state, firsts, map(len, ids), strict=True)
        return torch.cat([states[first:end] for states, first, end in parts])

    def logits(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocabulary"]:
        return self._head.logits(rows.to(self._device))


def _compared(b_logits: Tensor, t_logits: Tensor, targets: Tensor) -> Float[Tensor, "rows 4"]:
    """Return KL(b || t), KL(t || b) and the NLL of the targets under b and under t, in nats."""
    b, t = _log_softmax(b_logits), _log_softmax(t_logits)
    nlls = [-each.gather(1, targets[:, None])[:, 0] for each in (b, t)]
    return torch.stack([_divergences(b, t), _divergences(t, b), *nlls], dim=1)


def _divergences(log_p: Tensor, log_q: Tensor) -> Float[Tensor, " rows"]:
    terms = log_p.exp() * (log_p - log_q)
    return torch.where(log_p == -torch.inf, 0.0, terms).sum(dim=-1)


def _log_softmax(logits: Tensor) -> Tensor:
    return torch.log_softmax(fine(logits), dim=-1).double()


def _row(item: DriftItem, ids: Sequence[int], sums: Sequence[float]) -> Drift:
    forward, backward, base_nll, tuned_nll = sums
    return Drift(
        subject_id="",
        split="",
        example_id=item.example_id,
        source=item.source,
        tokens=len(ids),
        kl_base_tuned=forward,
        kl_tuned_base=backward,
        base_nll=base_nll,
        tuned_nll=tuned_nll,
    )


def _batches(items: Sequence[DriftItem]) -> Iterator[list[int]]:
    """Yield the places of items of like length, so many that their ids fit into a batch."""
    batch: list[int] = []
    for index in sorted(range(len(items)), key=lambda index: len(_ids(items[index].rendered))):
        if batch and (len(batch) + 1) * len(_ids(items[index].rendered)) > _BATCH_IDS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _ids(rendered: Rendered) -> list[int]:
    end = [] if rendered.terminator_id is None else [rendered.terminator_id]
    return [*rendered.prompt_ids, *rendered.response_ids, *end]


def fine(logits: Tensor) -> Tensor:
    """Return logits in float32, or in float64 where they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _check(items: Sequence[DriftItem], max_length: int) -> None:
    if not items:
        raise DataError(
            "drift: found no response to compare the models on; use the base model's own answers, "
            "or data with references"
        )
    long = [item.example_id for item in items if len(_ids(item.rendered)) > max_length]
    if long:
        raise DataError(
            f"drift: found {len(long)} responses with more tokens than the context of {max_length} "
            f"holds, the first of example {long[0]!r}; shorten or leave them out"
        )
