"""The output head: NLL and rank of the target of each row, without storing all logits.

Two ways to the same numbers. The stub way runs the model's own `forward` with its base
module replaced by one that returns the chosen rows, so that whatever the model does to its
logits (caps, scales, cut vocabularies) is done. The direct way multiplies with the head's
weight, one tile of the vocabulary after another, so that no tensor of rows x vocabulary
exists; it is taken only where it gives what the stub way gives.
"""

import copy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from idiolect.scoring.plain import target_statistics

__all__ = ["Head"]

_STUB_ROWS = 256
_TILE_ROWS = 1024
# A tile of 1024 x 2048 float32 logits takes 8 MB: it stays in the cache between its
# multiplication and the passes over it, where whole rows of logits would not. 32 MB do the
# same for the second-level cache of a large GPU.
_TILE_TOKENS = {"cpu": 2048, "cuda": 16384}
_DIRECT_TOLERANCE = 1e-4


class _Stub(nn.Module):
    """Returns an output object of the base module, whatever it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.output: Any = None

    def forward(self, *arguments: Any, **options: Any) -> Any:
        return self.output


class Head:
    """The head of one model.

    Args:
        module: A transformers causal language model.
        probe: An output object of its base module, for the comparison of the two ways.

    Raises:
        ValueError: the model has no base module that could be replaced.
    """

    def __init__(self, module: Any, probe: Any) -> None:
        name = module.base_model_prefix
        if name not in module._modules:
            raise ValueError(f"{type(module).__name__} has no base module {name!r} to replace")
        self._module = copy.copy(module)
        self._module._modules = dict(module._modules)
        self._stub = self._module._modules[name] = _Stub()
        self._output = probe
        self._weight: Tensor | None = None
        self._bias: Tensor | None = None
        rows = probe.last_hidden_state[0, :8]
        if self._direct_equals_stub(module.get_output_embeddings(), rows):
            embeddings = module.get_output_embeddings()
            self._weight, self._bias = embeddings.weight, embeddings.bias

    @property
    def way(self) -> str:
        """`direct` or `stub`."""
        return "stub" if self._weight is None else "direct"

    def statistics(
        self, rows: Float[Tensor, "rows width"], targets: Int[Tensor, " rows"]
    ) -> tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]:
        """Return NLL (float64, nats) and rank of each row's target."""
        size = _STUB_ROWS if self._weight is None else _TILE_ROWS
        parts = [
            self._chunk(rows[start : start + size], targets[start : start + size])
            for start in range(0, len(rows), size)
        ]
        return torch.cat([nll for nll, _ in parts]), torch.cat([rank for _, rank in parts])

    def logits(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocabulary"]:
        """Return the logits of rows, as the model itself computes them, in float32 or finer."""
        if self._weight is None:
            found = self._stub_logits(rows)
            return found.to(torch.promote_types(found.dtype, torch.float32))
        return _logits(rows, self._weight, self._bias)

    def _chunk(self, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self._weight is None:
            return target_statistics(self._stub_logits(rows), targets)
        return _tiled_statistics(rows, targets, self._weight, self._bias)

    def _stub_logits(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocabulary"]:
        # The base's own output class: models read further fields of it.
        output = copy.copy(self._output)
        output.last_hidden_state = rows[None]
        self._stub.output = output
        ids = torch.zeros(1, len(rows), dtype=torch.long, device=rows.device)
        return self._module(input_ids=ids, use_cache=False).logits[0]

    def _direct_equals_stub(self, embeddings: Any, rows: Tensor) -> bool:
        if not isinstance(embeddings, nn.Linear):
            return False
        wanted = self._stub_logits(rows).float()
        found = _logits(rows, embeddings.weight, embeddings.bias)
        if wanted.shape != found.shape:
            return False
        # A soft cap changes small logits little: the probe must reach large ones too.
        wanted_large = self._stub_logits(rows * 30).float()
        found_large = _logits(rows * 30, embeddings.weight, embeddings.bias)
        # bfloat16 heads round what the direct way keeps in float32.
        tolerance = _DIRECT_TOLERANCE if rows.dtype == torch.float32 else 2e-2
        if rows.dtype == torch.float64:
            tolerance = 1e-9
        return _close(wanted, found, tolerance) and _close(wanted_large, found_large, tolerance)


def _close(wanted: Tensor, found: Tensor, tolerance: float) -> bool:
    return bool(
        ((wanted - found).abs().max() <= tolerance * wanted.abs().max().clamp(min=1)).item()
    )


def _logits(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return logits in float32 (float64 for a float64 model)."""
    if rows.dtype in (torch.float32, torch.float64):
        logits = rows @ weight.t()
    elif rows.is_cuda:
        # bfloat16 operands with a float32 result: rounding the logits to bfloat16 alone
        # costs up to 0.04 nats per token.
        logits = torch.mm(rows, weight.t(), out_dtype=torch.float32)
    else:
        logits = rows.float() @ weight.float().t()
    return logits if bias is None else logits + bias.to(logits.dtype)


def _tiled_statistics(
    rows: Float[Tensor, "rows width"],
    targets: Int[Tensor, " rows"],
    weight: Float[Tensor, "vocabulary width"],
    bias: Float[Tensor, " vocabulary"] | None,
) -> tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]:
    """Return NLL and rank, tile by tile.

    The log-sum-exp runs over the tiles with a running maximum, so it is as safe as the one
    over whole rows.
    """
    tally = _Tally(rows, targets, weight, bias)
    size = _TILE_TOKENS[rows.device.type]
    buffer = torch.empty(len(rows), size, dtype=tally.dtype, device=rows.device)
    for start in range(0, len(weight), size):
        stop = min(start + size, len(weight))
        tile = _logits(rows, weight[start:stop], None if bias is None else bias[start:stop])
        tally.take(tile, start, buffer[:, : stop - start])
    return tally.nlls(), tally.ranks()


class _Tally:
    """What is known of some rows after a part of the vocabulary."""

    def __init__(self, rows: Tensor, targets: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        self.dtype = torch.promote_types(rows.dtype, torch.float32)
        self._targets = targets
        # Good enough to compare with; the tile's own product gives the last digit.
        self._chosen = (rows.to(self.dtype) * weight[targets].to(self.dtype)).sum(dim=1)
        if bias is not None:
            self._chosen += bias[targets].to(self.dtype)
        self._chosen_exact = self._chosen.clone()
        self._maximum = torch.full_like(self._chosen, -torch.inf)
        self._total = torch.zeros_like(self._chosen)
        self._greater = torch.zeros_like(self._chosen)

    def take(self, tile: Tensor, start: int, buffer: Tensor) -> None:
        """Count a tile in. The tile is used up."""
        self._count_greater(tile, start, buffer)
        maximum = torch.maximum(self._maximum, tile.amax(dim=1))
        self._total *= torch.exp(self._maximum - maximum)
        self._total += tile.sub_(maximum[:, None]).exp_().sum(dim=1)
        self._maximum = maximum

    def nlls(self) -> Float[Tensor, " rows"]:
        return (self._maximum + torch.log(self._total) - self._chosen_exact).double()

    def ranks(self) -> Int[Tensor, " rows"]:
        return self._greater.long() + 1

    def _count_greater(self, tile: Tensor, start: int, buffer: Tensor) -> None:
        # Ones and zeros as floats: their sum is several times faster than one of booleans,
        # and exact, since no vocabulary has 2^24 tokens.
        torch.gt(tile, self._chosen[:, None], out=buffer)
        self._greater += buffer.sum(dim=1)
        inside = (self._targets >= start) & (self._targets < start + tile.shape[1])
        column = (self._targets - start).clamp(0, tile.shape[1] - 1)[:, None]
        own = tile.gather(1, column)[:, 0]
        # The target must not count as greater than itself by a rounding in `_chosen`.
        self._greater -= (inside & (own > self._chosen)).to(self.dtype)
        self._chosen_exact = torch.where(inside, own, self._chosen_exact)
