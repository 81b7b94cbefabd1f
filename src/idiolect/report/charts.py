"""The figures of a report, drawn on the server: the page needs no script to show them."""

import math
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from idiolect.errors import MissingExtra
from idiolect.report.labels import label_points
from idiolect.report.study import StudyFacts
from idiolect.report.svg import INK, svg_text

__all__ = ["Chart", "distribution_chart", "effect_chart"]

_WIDTHS = {"wide": 7.6, "narrow": 3.7}
"""Inches; font sizes are set for these, and the page shows one of the two."""
_ROW = 0.62


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure in the widths that the page chooses from."""

    svgs: tuple[Markup, ...]
    caption: str


def distribution_chart(perplexities: Mapping[str, Sequence[float]]) -> Chart | None:
    """Draw how the perplexities of each strategy are spread, on one logarithmic axis."""
    rows = {name: np.asarray(values) for name, values in perplexities.items() if len(values)}
    if not rows:
        return None
    low = min(float(values.min()) for values in rows.values())
    high = max(float(values.max()) for values in rows.values())
    # An axis needs some width, also where all responses are equally familiar.
    bins = int(np.clip(4 * max(len(values) for values in rows.values()) ** 0.5, 20, 60))
    edges = np.geomspace(low * 0.95, max(high * 1.05, low * 1.5), bins)
    words = [
        f"{name}: median {np.median(values):.2f}, 95th percentile {np.quantile(values, 0.95):.2f}"
        for name, values in rows.items()
    ]
    svgs: list[Markup] = []
    for size, width in _WIDTHS.items():
        with _figure(width, _ROW * len(rows) + 0.5) as (figure, axes):
            for position, (name, values) in enumerate(rows.items()):
                _ridge(axes, len(rows) - 1 - position, name, values, edges)
            axes.set_xscale("log")
            axes.set_xlim(edges[0], edges[-1])
            axes.set_ylim(-0.12, len(rows))
            axes.set_yticks([])
            _log_ticks(axes, edges[0], edges[-1], few=size == "narrow")
            svgs.append(
                svg_text(
                    figure,
                    name=f"distribution-{size}",
                    title="Perplexity of the responses, by strategy",
                    description=". ".join(words) + ".",
                    css_class=f"chart {size}",
                )
            )
    return Chart(
        svgs=tuple(svgs),
        caption="Perplexity of each response under the target, on a logarithmic axis; further "
        "left is more familiar. Each hill is scaled to its own peak. The stroke is the median, "
        "the band the middle half.",
    )


def effect_chart(study: StudyFacts) -> Chart | None:
    """Draw gain against forgetting, with both intervals."""
    rows = [(row.dataset, row.gain, row.forgetting) for row in study.rows if row.forgetting]
    if not rows:
        return None
    points = {name: (forgetting.value, gain.value) for name, gain, forgetting in rows}
    svgs: list[Markup] = []
    for size, width in _WIDTHS.items():
        with _figure(width, 3.9 if size == "wide" else 3.4) as (figure, axes):
            for _, gain, forgetting in rows:
                axes.errorbar(
                    forgetting.value,
                    gain.value,
                    xerr=[
                        [forgetting.value - forgetting.low],
                        [forgetting.high - forgetting.value],
                    ],
                    yerr=[[gain.value - gain.low], [gain.high - gain.value]],
                    fmt="o",
                    color=INK["accent"],
                    ecolor=INK["muted"],
                    elinewidth=1,
                    markersize=6,
                )
            axes.axhline(0, color=INK["rule"], linewidth=1, zorder=0)
            axes.axvline(0, color=INK["rule"], linewidth=1, zorder=0)
            axes.margins(0.15)
            axes.set_xlabel("change on other tasks (points)", color=INK["muted"])
            axes.set_ylabel("change on the trained task (points)", color=INK["muted"])
            label_points(axes, points, color=INK["ink"], fontsize=9)
            svgs.append(
                svg_text(
                    figure,
                    name=f"effects-{size}",
                    title="Gain against forgetting, by dataset",
                    description=" ".join(
                        f"{s}: gain {g.value:+.1f}, other tasks {f.value:+.1f} points."
                        for s, g, f in rows
                    ),
                    css_class=f"chart {size}",
                )
            )
    return Chart(
        svgs=tuple(svgs),
        caption="Up is a gain on the trained task, left of the line is forgetting on the others. "
        "Bars are 95 % intervals.",
    )


def _ridge(axes: Any, base: int, name: str, values: Any, edges: Any) -> None:
    """Draw one strategy's hill, its middle half, its median and its label."""
    counts, _ = np.histogram(values, edges)
    heights = base + 0.55 * counts / max(int(counts.max()), 1)
    axes.axhline(base, color=INK["rule"], linewidth=0.8)
    axes.stairs(heights, edges, baseline=base, fill=True, color=INK["accent-soft"], linewidth=0)
    shown = np.ma.masked_where(counts == 0, heights)
    axes.stairs(shown.filled(np.nan), edges, baseline=base, color=INK["accent"], linewidth=0.9)
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75))
    axes.plot(
        [first, third], [base - 0.03] * 2, color=INK["accent"], linewidth=3.2, solid_capstyle="butt"
    )
    axes.plot([median] * 2, [base - 0.06, base + 0.55], color=INK["ink"], linewidth=1.5)
    label: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "bottom",
        "fontsize": 9.5,
        "parse_math": False,
    }
    axes.text(0, base + 0.6, name, ha="left", color=INK["ink"], **label)
    axes.text(1, base + 0.6, f"median {median:.2f}", ha="right", color=INK["muted"], **label)


def _log_ticks(axes: Any, low: float, high: float, *, few: bool) -> None:
    """Label 1, 2, 5, 10, ... as plain numbers; closer ones where the axis is short."""
    from matplotlib.ticker import FixedLocator, NullLocator

    steps = (1, 2, 5) if high / low > 4 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [s * 10.0**p for p in powers for s in steps if low <= s * 10.0**p <= high]
    if few and len(ticks) > 6:
        ticks = ticks[:: math.ceil(len(ticks) / 6)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])


@contextmanager
def _figure(width: float, height: float) -> Generator[tuple[Any, Any]]:
    """Make a figure without a window system, in the page's colours, and close it again."""
    # Matplotlib keeps a list of fonts; it belongs with what else idiolect caches.
    cache = os.environ.get("IDIOLECT_CACHE_DIR") or Path.home() / ".cache" / "idiolect"
    os.environ.setdefault("MPLCONFIGDIR", str(Path(cache) / "matplotlib"))
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("matplotlib", "report", "a report") from None
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "idiolect",
        "font.size": 9.5,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.edgecolor": INK["rule"],
        "xtick.color": INK["rule"],
        "xtick.labelcolor": INK["muted"],
        "ytick.color": INK["rule"],
        "ytick.labelcolor": INK["muted"],
        "axes.unicode_minus": True,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), dpi=72, layout="constrained")
        yield figure, figure.add_subplot()
