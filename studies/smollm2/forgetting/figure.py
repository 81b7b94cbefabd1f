"""KL and NLL of each dataset with their intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studies.smollm2.figure import pyplot
from studies.smollm2.forgetting.analysis import MEASURES, SCOPES, DriftRow
from studies.smollm2.forgetting.page import MEASURE_NAMES, scope_name

__all__ = ["draw"]


def draw(path: Path, table: Sequence[DriftRow]) -> None:
    """Draw a row for each task, with KL on the left and NLL on the right."""
    plots = pyplot()
    shape, axes = plots.subplots(
        len(SCOPES), 2, figsize=(8, 1 + 1.3 * len(SCOPES)), sharex="col", sharey=True
    )
    for scope, (left, right) in zip(SCOPES, axes, strict=True):
        rows = [row for row in table if row.scope == scope][::-1]
        _panel(left, [(r.dataset, r.kl, r.kl_low, r.kl_high) for r in rows])
        _panel(right, [(r.dataset, r.rise, r.rise_low, r.rise_high) for r in rows])
        left.set_title(f"{scope_name(scope)} (n = {rows[0].n})", fontsize=9, loc="left")
    for axis, measure in zip(axes[-1], MEASURES, strict=True):
        axis.set_xlabel(f"{MEASURE_NAMES[measure]},\nnats per token, 95 %", fontsize=8)
    shape.tight_layout()
    shape.savefig(path, format="svg", metadata={"Date": None})
    plots.close(shape)


def _panel(axis: Any, points: Sequence[tuple[str, float, float, float]]) -> None:
    means = [mean for _, mean, _, _ in points]
    widths = [[m - low for _, m, low, _ in points], [high - m for _, m, _, high in points]]
    axis.errorbar(means, range(len(points)), xerr=widths, fmt="o", ms=4)
    axis.set_yticks(range(len(points)), [name for name, _, _, _ in points], fontsize=7)
    axis.set_ylim(-0.5, len(points) - 0.5)
    axis.axvline(0, color="grey", linewidth=0.8)
    axis.grid(axis="x", alpha=0.3)
