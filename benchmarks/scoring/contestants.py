"""Who is measured: our scorer, what it is without each of its parts, and the peers.

A contestant is made from a loaded model, may choose its settings once, untimed, and then
returns for each request the NLL summed over the response (nats) and its number of tokens.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from idiolect.scoring import planner
from idiolect.scoring.base import Score, Scorer, ScoreRequest
from idiolect.scoring.packed import PackedScorer
from idiolect.scoring.padded import PaddedScorer
from idiolect.scoring.plain import PlainScorer, target_statistics
from idiolect.scoring.planner import Group, Member

__all__ = ["CONTESTANTS", "PEERS", "Contestant", "Subject", "Sum"]

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
# `[batch, tokens, vocabulary]` in float32, of which the peers hold two or three at a time.
_LOGITS_BYTES = 3 << 30
_TUNED_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is asked."""

    module: Any
    tokenizer: Any
    max_length: int


@dataclass(frozen=True, slots=True)
class Sum:
    """What a contestant found for one request."""

    nll: float
    tokens: int


class Contestant(Protocol):
    """Anything that scores requests."""

    settings: str
    """What was chosen, in words."""

    def prepare(self, requests: Sequence[ScoreRequest]) -> None:
        """Choose settings for a workload. Not timed."""
        ...

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        """Score. Same length, same order."""
        ...


class _Ours:
    """A scorer of this package, with its own batches."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.settings = scorer.path

    def prepare(self, requests: Sequence[ScoreRequest]) -> None:
        pass

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        return self._run(requests, self._scorer.batches(requests))

    def _run(self, requests: Sequence[ScoreRequest], batches: list[list[int]]) -> list[Sum]:
        sums: dict[int, Sum] = {}
        for batch in batches:
            results = self._scorer.score([requests[index] for index in batch])
            for index, result in zip(batch, results, strict=True):
                if not isinstance(result, Score):
                    raise RuntimeError(result.reason)
                sums[index] = Sum(result.nll, result.tokens)
        return [sums[index] for index in range(len(requests))]


class _Unshared(_Ours):
    """Packs in which every response has its own copy of the prompt."""

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        with mock.patch.object(planner, "group_requests", _each_alone):
            return super().run(requests)


def _each_alone(requests: Sequence[ScoreRequest]) -> list[Group]:
    return [
        Group(request.prompt_ids, (Member(request.target_ids, (index,)),))
        for index, request in enumerate(requests)
    ]


def _unbranched(subject: Subject) -> Contestant:
    """Make our scorer so that responses share their prompt and nothing else."""
    scorer = PackedScorer(subject.module, subject.max_length)
    scorer._branching = False
    return _Ours(scorer)


class _Unpacked(_Ours):
    """One prompt with its responses at a time, however few tokens that is."""

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        groups = planner.group_requests(requests)
        batches = [[i for member in group.members for i in member.requests] for group in groups]
        return self._run(requests, batches)


class _FullHeadScorer(PackedScorer):
    """Computes all logits of all rows, prompts included, and keeps them until they are read."""

    def __init__(self, module: Any, max_length: int) -> None:
        super().__init__(module, max_length)
        self._pack_rows: Tensor | None = None
        self._embeddings = module.get_output_embeddings()
        self._head = mock.Mock(way="full", statistics=self._statistics)

    def _hidden(self, *arguments: Any) -> Tensor:
        self._pack_rows = super()._hidden(*arguments)
        return self._pack_rows

    def _statistics(self, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        # Which rows fill up to the size of the pack makes no difference to the time.
        assert self._pack_rows is not None
        filled = torch.cat([rows, self._pack_rows[: max(0, len(self._pack_rows) - len(rows))]])
        unread = targets.new_zeros(len(filled) - len(targets))
        nlls, ranks = target_statistics(self._embeddings(filled), torch.cat([targets, unread]))
        return nlls[: len(targets)], ranks[: len(targets)]


def _untiled(subject: Subject) -> Contestant:
    """Make our scorer with whole rows of logits for the response rows."""
    scorer = PackedScorer(subject.module, subject.max_length)
    scorer._head._weight = None
    return _Ours(scorer)


class _Batched:
    """A peer whose user chooses a batch size: the fastest one is taken."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._size = 1
        self.settings = "batch size 1"

    def prepare(self, requests: Sequence[ScoreRequest]) -> None:
        sample = list(requests[:_TUNED_REQUESTS])
        fitting = [size for size in _BATCH_SIZES if size == 1 or self._fits(size, sample)]
        self._nlls(sample[:1], 1)  # the first call is slower than all others
        seconds = {size: self._seconds(size, sample) for size in fitting}
        self._size = min(seconds, key=lambda size: seconds[size])
        self.settings = f"batch size {self._size}, the fastest of {', '.join(map(str, fitting))}"

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        nlls = self._nlls(requests, self._size)
        return [Sum(nll, len(r.response_ids)) for nll, r in zip(nlls, requests, strict=True)]

    def _fits(self, size: int, requests: Sequence[ScoreRequest]) -> bool:
        width = max(len(r.prompt_ids) + len(r.response_ids) for r in requests)
        vocabulary = self._subject.module.config.get_text_config().vocab_size
        return size <= len(requests) and 4 * size * width * vocabulary <= _LOGITS_BYTES

    def _seconds(self, size: int, requests: Sequence[ScoreRequest]) -> float:
        began = time.perf_counter()
        self._nlls(requests, size)
        return time.perf_counter() - began

    def _nlls(self, requests: Sequence[ScoreRequest], size: int) -> list[float]:
        raise NotImplementedError


class _LmEval(_Batched):
    """lm-evaluation-harness: its own sorting, batching and summing, fed with ids."""

    def __init__(self, subject: Subject) -> None:
        from lm_eval.models.huggingface import HFLM

        super().__init__(subject)
        self._lm = HFLM(
            pretrained=subject.module,
            tokenizer=subject.tokenizer,
            backend="causal",
            dtype="float32",
            softmax_dtype="float32",
            max_length=subject.max_length,
        )

    def _nlls(self, requests: Sequence[ScoreRequest], size: int) -> list[float]:
        self._lm.batch_size_per_gpu = size
        pairs = [
            ((str(index), ""), list(request.prompt_ids), list(request.response_ids))
            for index, request in enumerate(requests)
        ]
        return [-total for total, _ in self._lm._loglikelihood_tokens(pairs, disable_tqdm=True)]


class _EvaluateStyle(_Batched):
    """The way of HF evaluate's perplexity, reduced to the responses.

    All rows padded to the longest of the data, in data order, with a mask; all logits, a copy
    of all but the last, and a cross-entropy over them.
    """

    @torch.no_grad()
    def _nlls(self, requests: Sequence[ScoreRequest], size: int) -> list[float]:
        rows = [[*request.prompt_ids, *request.response_ids] for request in requests]
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        lengths = torch.tensor([[len(row)] for row in rows])
        places = torch.arange(width)[None]
        scored = places >= torch.tensor([[len(request.prompt_ids)] for request in requests])
        mask = (places < lengths).long()
        nlls: list[float] = []
        for start in range(0, len(rows), size):
            batch = slice(start, start + size)
            logits = self._subject.module(ids[batch], attention_mask=mask[batch]).logits
            shifted = logits[:, :-1].contiguous()
            losses = functional.cross_entropy(
                shifted.transpose(1, 2), ids[batch, 1:], reduction="none"
            )
            wanted = scored[batch, 1:] & mask[batch, 1:].bool()
            nlls += (losses * wanted).sum(dim=1).tolist()
        return nlls


class _Minicons(_Batched):
    """minicons: `compute_stats` takes ids and the number of prompt tokens."""

    def __init__(self, subject: Subject) -> None:
        from minicons.scorer import IncrementalLMScorer

        super().__init__(subject)
        self._scorer = IncrementalLMScorer(
            subject.module, device="cpu", tokenizer=subject.tokenizer
        )

    def _nlls(self, requests: Sequence[ScoreRequest], size: int) -> list[float]:
        return [
            -float(scores.sum(dtype=torch.float64))
            for batch in _slices(requests, size)
            for scores in self._scorer.compute_stats(self._encoded(batch), return_tensors=True)
        ]

    def _encoded(self, requests: Sequence[ScoreRequest]) -> tuple[Any, list[int]]:
        from transformers import BatchEncoding

        rows = [[*request.prompt_ids, *request.response_ids] for request in requests]
        width = max(map(len, rows))
        padding = self._subject.tokenizer.pad_token_id
        encoded = {
            "input_ids": torch.tensor([r + [padding] * (width - len(r)) for r in rows]),
            "attention_mask": torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows]),
        }
        # It leaves the first token of a row out before it counts.
        return BatchEncoding(encoded), [len(request.prompt_ids) - 1 for request in requests]


def _slices(requests: Sequence[ScoreRequest], size: int) -> Iterator[Sequence[ScoreRequest]]:
    return (requests[start : start + size] for start in range(0, len(requests), size))


def _packed(budget: int | None = None) -> Callable[[Subject], Scorer]:
    return lambda subject: PackedScorer(subject.module, subject.max_length, budget)


PEERS: dict[str, Callable[[Subject], Contestant]] = {
    "lm-eval": _LmEval,
    "evaluate-style": _EvaluateStyle,
    "minicons": _Minicons,
}
"""What a user could take instead."""

CONTESTANTS: dict[str, Callable[[Subject], Contestant]] = {
    "ours": lambda s: _Ours(_packed()(s)),
    "ours, no branching": _unbranched,
    "ours, no sharing": lambda s: _Unshared(_packed()(s)),
    # A budget that no group exceeds: each is one pack.
    "ours, no packing": lambda s: _Unpacked(_packed(1 << 30)(s)),
    "ours, whole rows of logits": _untiled,
    "ours, full head": lambda s: _Ours(_FullHeadScorer(s.module, s.max_length)),
    "padded": lambda s: _Ours(PaddedScorer(s.module, s.max_length)),
    "plain": lambda s: _Ours(PlainScorer(s.module, s.max_length)),
    **PEERS,
}
