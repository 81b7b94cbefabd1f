"""The next token of each row, drawn with a generator of the row's own.

Each row takes one number u in [0, 1) per token from a Philox stream whose key is its seed, and
takes the token in which u falls when the probabilities stand behind one another (inversion of
the distribution function). So a row's draws depend on its seed and nothing else. What the
model computes can still differ in the last digits of a float with the shape of the batch; a
draw that falls within that distance of a border may then change.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011) for Philox;
Holtzman et al. (arXiv 1904.09751 §3.1) for top_p.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from idiolect.models.base import Sampling

__all__ = ["Draws", "draw", "next_tokens"]

_BLOCK = 256
# Nearly every nucleus is smaller; where one is not, the whole row is sorted.
_LARGEST_NUCLEUS = 512


class Draws:
    """The random numbers of one row."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.Philox(key=seed % 2**128))
        self._next: float | None = None

    def next(self) -> float:
        """Return a number in [0, 1) with 53 random bits: the same one until it is used up."""
        if self._next is None:
            self._next = float(self._generator.random())
        return self._next

    def use_up(self) -> None:
        """Go on to the number after."""
        self._next = None


def next_tokens(
    logits: Float[Tensor, "rows vocabulary"], samplings: Sequence[Sampling], draws: Sequence[Draws]
) -> list[int | None]:
    """Return the next token of each row; None where the logits are not numbers.

    Draws are used up at the end, so that a call that ran out of memory can be made again.
    """
    logits = logits.float()
    best, tokens = logits.max(dim=-1)
    warm = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if warm:
        chosen = logits if len(warm) == len(logits) else logits[warm]
        heat = torch.tensor([samplings[row].temperature for row in warm], device=logits.device)
        u = torch.tensor([draws[row].next() for row in warm], dtype=torch.float64)
        weights = ((chosen - best[warm, None]) / heat[:, None]).exp_()
        top_p = [samplings[row].top_p for row in warm]
        tokens[warm] = _draw_nucleus(weights, top_p, u.to(logits.device))
    found = [
        token if usable else None
        for token, usable in zip(tokens.tolist(), best.isfinite().tolist(), strict=True)
    ]
    for row in warm:
        draws[row].use_up()
    return found


def draw(
    weights: Float[Tensor, "rows vocabulary"], u: Float[Tensor, " rows"]
) -> Int[Tensor, " rows"]:
    """Return for each row the first place where the running sum passes u of the whole sum.

    Args:
        weights: Not negative; they need not add up to 1.
        u: In [0, 1), float64. Sums are in float64, too: first of blocks, then inside of one.
    """
    short = -weights.shape[1] % _BLOCK
    blocks = torch.nn.functional.pad(weights, (0, short)).unflatten(1, (-1, _BLOCK))
    sums = blocks.sum(dim=-1, dtype=torch.float64)
    upto = sums.cumsum(dim=-1)
    goal = _below(u * upto[:, -1], upto[:, -1])
    block = torch.searchsorted(upto, goal[:, None], right=True).clamp_(max=upto.shape[1] - 1)
    rest = goal - (upto.gather(1, block) - sums.gather(1, block))[:, 0]
    rows = torch.arange(len(weights), device=weights.device)
    inside = blocks[rows, block[:, 0]].double().cumsum(dim=-1)
    place = torch.searchsorted(inside, _below(rest, inside[:, -1])[:, None], right=True)
    return (block * _BLOCK + place)[:, 0].clamp_(max=weights.shape[1] - 1)


def _below(value: Tensor, limit: Tensor) -> Tensor:
    """Keep rounding from reaching the end of a running sum, where nothing can be drawn."""
    return torch.minimum(value, torch.nextafter(limit, torch.zeros_like(limit)))


def _draw_nucleus(weights: Tensor, top_p: Sequence[float], u: Tensor) -> Tensor:
    """Draw from the likeliest tokens that hold top_p together; from all where it is 1."""
    tokens = torch.empty(len(weights), dtype=torch.long, device=weights.device)
    whole = [row for row, p in enumerate(top_p) if p >= 1]
    cut = [row for row, p in enumerate(top_p) if p < 1]
    if not cut:
        return draw(weights, u)
    if whole:
        tokens[whole] = draw(weights[whole], u[whole])
    limits = torch.tensor([top_p[row] for row in cut], dtype=torch.float64, device=weights.device)
    limits = limits * weights[cut].sum(dim=-1, dtype=torch.float64)
    size = min(_LARGEST_NUCLEUS, weights.shape[1])
    ordered, order = weights[cut].topk(size, dim=-1)
    if bool((ordered.sum(dim=-1, dtype=torch.float64) < limits).any()):
        ordered, order = weights[cut].sort(dim=-1, descending=True, stable=True)
    sums = ordered.double()
    before = sums.cumsum(dim=-1) - sums
    kept = ordered.masked_fill(before >= limits[:, None], 0.0)
    kept[:, 0] = ordered[:, 0]
    tokens[cut] = order.gather(1, draw(kept, u[cut])[:, None])[:, 0]
    return tokens
