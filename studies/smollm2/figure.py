"""The perplexities as a figure, with the recorded ones beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studies.smollm2.analysis import VariantRow
from studies.smollm2.recorded import RECORDED

__all__ = ["draw", "pyplot"]

_MARKS = {
    "mistral-7b-instruct": ("x", "Mistral-7B, recorded (arithmetic)"),
    "llama-2-13b-chat": ("+", "Llama-2-13B, recorded (arithmetic)"),
}


def pyplot() -> Any:
    """Return matplotlib's pyplot, set so that the same input gives the same SVG file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "idiolect"
    from matplotlib import pyplot as plots

    return plots


def draw(path: Path, table: Sequence[VariantRow]) -> None:
    """Draw each variant with its interval, a panel for each task."""
    plots = pyplot()
    tasks = list(dict.fromkeys(row.task for row in table))
    counts = [sum(row.task == task for row in table) for task in tasks]
    shape, axes = plots.subplots(
        len(tasks),
        1,
        figsize=(7.5, 1.2 + 0.9 * len(tasks) + 0.19 * sum(counts)),
        squeeze=False,
        height_ratios=[count + 1.5 for count in counts],
        sharex=True,
    )
    for task, axis in zip(tasks, axes[:, 0], strict=True):
        _panel(axis, [row for row in table if row.task == task])
    axes[-1, 0].set_xlabel("perplexity")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    shape.legend(handles, labels, loc="upper center", ncols=2, fontsize=7, frameon=False)
    shape.tight_layout(rect=(0, 0, 1, 1 - 0.55 / shape.get_figheight()))
    shape.savefig(path, format="svg", metadata={"Date": None})
    plots.close(shape)


def _panel(axis: Any, group: Sequence[VariantRow]) -> None:
    rows = sorted(group, key=lambda row: -row.perplexity)
    places = range(len(rows))
    widths = [[r.perplexity - r.low for r in rows], [r.high - r.perplexity for r in rows]]
    label = "SmolLM2-135M, geometric mean and 95 %"
    axis.errorbar([r.perplexity for r in rows], places, xerr=widths, fmt="o", ms=4, label=label)
    means = [r.arithmetic for r in rows]
    axis.plot(means, places, "|", ms=8, color="grey", label="SmolLM2-135M, arithmetic mean")
    for model, (mark, name) in _MARKS.items():
        known = RECORDED[model].get(rows[0].task, {})
        points = [
            (known[r.variant], y) for y, r in zip(places, rows, strict=True) if r.variant in known
        ]
        axis.plot(*zip(*points, strict=True) if points else ([], []), mark, ms=5, label=name)
    axis.set_yticks(places, [r.variant for r in rows], fontsize=7)
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.set_xscale("log")
    ticks = (1.5, 2, 3, 5, 10, 20, 50, 100)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_title(f"{rows[0].task} (n = {rows[0].n})", fontsize=9, loc="left")
    axis.grid(axis="x", alpha=0.3)
