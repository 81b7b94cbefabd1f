"""Token weights: response tokens that surprise the target count less in the loss, or not at all.

    w_t = 1 where -log p(y_t | x, y_<t) <= limit, else `surprisal_weight`

under the target before training. The end of turn always counts. Weights are divided by their mean
over all trained tokens, so that the size of a step does not depend on how many are down-weighted.

Source: Wu et al., Mitigating Forgetting in LLM Fine-Tuning via Low-Perplexity Token Learning,
arXiv 2501.14315, which masks the tokens above a threshold of the perplexity (2.5, which is 0.92
nats). Differs in that a weight between 0 and 1 is possible, and in that the limit is in nats.
"""

from collections.abc import Sequence
from typing import Any

from idiolect.chat import Rendered
from idiolect.errors import BackendError, DataError
from idiolect.scoring.base import ScoreFailure, ScoreRequest
from idiolect.training.rows import IGNORED, all_ids, labels, shown

__all__ = ["response_surprisals", "token_weights", "weighted_rows"]


def token_weights(
    surprisals: Sequence[Sequence[float]], *, limit: float, weight: float
) -> list[list[float]]:
    """Return the weight of each response token: 1, or `weight` above the limit.

    Args:
        surprisals: Nats, of the response tokens of each row, without the terminator.
        limit: Nats.
        weight: At least 0, below 1.
    """
    return [[1.0 if s <= limit else weight for s in row] for row in surprisals]


def response_surprisals(target: Any, rendered: Sequence[Rendered]) -> list[list[float]]:
    """Return the NLL of each response token under the target, in nats, row by row.

    Raises:
        BackendError: a row cannot be scored.
    """
    from idiolect.scoring.local import choose_scorer

    scorer = choose_scorer(target.module, name=target.name, max_length=target.max_length).scorer
    requests = [
        ScoreRequest(
            prompt_ids=item.prompt_ids,
            response_ids=item.response_ids,
            terminator_id=item.terminator_id,
        )
        for item in rendered
    ]
    found: dict[int, list[float]] = {}
    for indices in scorer.batches(requests):
        for index, result in zip(
            indices, scorer.score([requests[i] for i in indices]), strict=True
        ):
            if isinstance(result, ScoreFailure):
                raise BackendError(
                    f"training data: row {index} cannot be scored for training.surprisal_limit "
                    f"({result.reason})"
                )
            found[index] = result.token_nlls.tolist()
    return [found[index] for index in range(len(requests))]


def weighted_rows(
    rendered: Sequence[Rendered], weights: Sequence[Sequence[float]]
) -> list[dict[str, Any]]:
    """Return ids, labels and token weights of each row; what has no weight leaves the labels.

    Args:
        rendered: The rows.
        weights: Of the response tokens of each row.

    Raises:
        DataError: a row has no token left to train on. Its step would have no loss.
    """
    full = [
        [*[0.0] * len(item.prompt_ids), *row, *([] if item.terminator_id is None else [1.0])]
        for item, row in zip(rendered, weights, strict=True)
    ]
    if empty := [index for index, row in enumerate(full) if not any(row)]:
        raise DataError(
            f"training data: found {len(empty)} of {len(full)} rows without a token below "
            f"training.surprisal_limit (rows {shown(empty)}), all of them cut off, so that not "
            "even an end of turn is left to train on; remove them, raise the limit, or set "
            "training.surprisal_weight above 0"
        )
    kept = [weight for row in full for weight in row if weight > 0]
    mean = sum(kept) / len(kept)
    return [
        {
            "input_ids": all_ids(item),
            "labels": [
                label if weight > 0 else IGNORED
                for label, weight in zip(labels(item), row, strict=True)
            ],
            "token_weights": [weight / mean for weight in row],
        }
        for item, row in zip(rendered, full, strict=True)
    ]
