"""Muon for the matrices, AdamW for embedding and norms, with a state that can be saved.

`torch.optim.Muon` iterates in bfloat16, which a CPU without bfloat16 units computes at a third
of its float32 speed, and one matrix at a time. Here matrices of one shape go through the
iteration together, in float32. Source: Keller Jordan, "Muon: an optimizer for hidden layers in
neural networks" (2024), with its quintic coefficients.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Optimizer", "Rates"]

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Step sizes at the top of the schedule, and how much is forgotten between steps."""

    matrices: float = 0.02
    others: float = 0.004
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-10


class Optimizer:
    """Updates the weights in place from their gradients. `state` is all it remembers."""

    def __init__(self, weights: Mapping[str, Tensor], rates: Rates) -> None:
        self._weights = dict(weights)
        self._rates = rates
        self._matrices = _groups(self._weights)
        inside = {name for names in self._matrices.values() for name in names}
        self._others = [name for name in self._weights if name not in inside]
        self.state: dict[str, Tensor] = {}
        for names in self._matrices.values():
            for name in names:
                self.state[f"momentum/{name}"] = torch.zeros_like(self._weights[name])
        for name in self._others:
            self.state[f"mean/{name}"] = torch.zeros_like(self._weights[name])
            self.state[f"square/{name}"] = torch.zeros_like(self._weights[name])

    @torch.no_grad()
    def step(self, number: int, scale: float) -> None:
        """Take step `number`, the first being 1, with all rates multiplied by `scale`.

        Gradients are cleared in place, so that their memory stays warm.
        """
        for size, names in self._matrices.items():
            self._step_matrices(size, names, scale)
        for name in self._others:
            self._step_other(name, number, scale)
        for weight in self._weights.values():
            assert weight.grad is not None
            weight.grad.zero_()

    def _step_matrices(self, size: tuple[int, int], names: list[str], scale: float) -> None:
        """Orthogonalise the momentum of all matrices of one size, and subtract it."""
        momentum = self._rates.momentum
        parts: list[Tensor] = []
        for name in names:
            grad = self._weights[name].grad
            assert grad is not None
            kept = self.state[f"momentum/{name}"]
            kept.lerp_(grad, 1 - momentum)
            parts.append(_split(grad.lerp(kept, momentum), size))
        updates = _orthogonal(torch.cat(parts))
        rate = self._rates.matrices * scale
        for name, update in zip(names, updates.split([len(part) for part in parts]), strict=True):
            weight = self._weights[name]
            tall = weight.shape[1] == size[0]
            stretch = (size[1] / size[0]) ** 0.5 if tall else 1.0
            weight.add_(_join(update, weight), alpha=-rate * stretch)

    def _step_other(self, name: str, number: int, scale: float) -> None:
        weight, rates = self._weights[name], self._rates
        grad = weight.grad
        assert grad is not None
        first, second = rates.betas
        mean, square = self.state[f"mean/{name}"], self.state[f"square/{name}"]
        mean.lerp_(grad, 1 - first)
        square.mul_(second).addcmul_(grad, grad, value=1 - second)
        size = (square / (1 - second**number)).sqrt_().add_(rates.epsilon)
        weight.addcdiv_(mean, size, value=-rates.others * scale / (1 - first**number))


def _groups(weights: Mapping[str, Tensor]) -> dict[tuple[int, int], list[str]]:
    """Return the names of the matrices by the (short, long) size of their blocks."""
    groups: dict[tuple[int, int], list[str]] = {}
    for name, weight in weights.items():
        if weight.ndim != 2 or name == "embedding":
            continue
        rows, columns = weight.shape
        if name.endswith("qkv"):
            rows //= 3
        elif name.endswith("gate_up"):
            rows //= 2
        groups.setdefault((min(rows, columns), max(rows, columns)), []).append(name)
    return groups


def _split(matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the blocks [n, short, long] of a fused, tall or wide matrix."""
    short, long = size
    if matrix.shape == size:
        return matrix.unsqueeze(0)
    if matrix.shape[1] == long:
        return matrix.view(-1, short, long)
    return matrix.view(-1, long, short).transpose(1, 2)


def _join(blocks: Tensor, like: Tensor) -> Tensor:
    """Undo `_split`."""
    if blocks.shape[2] != like.shape[1]:
        blocks = blocks.transpose(1, 2)
    return blocks.reshape(like.shape)


def _orthogonal(x: Tensor) -> Tensor:
    """Return the nearest (semi-)orthogonal matrices [n, short, long], roughly.

    Newton-Schulz iteration; singular values end between about 0.7 and 1.2.
    """
    a, b, c = QUINTIC
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x
