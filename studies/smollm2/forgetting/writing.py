"""What the study writes: forgetting.csv, .json, .svg and .md. No text of any response."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idiolect.runs.manifest import write_atomically
from studies.smollm2.forgetting.analysis import (
    MEASURES,
    SCOPES,
    DatasetRow,
    DriftRow,
    Measured,
    PairRow,
)
from studies.smollm2.writing import markdown

__all__ = ["figure", "page", "write_drifts"]

_SUMS = ("kl_base_tuned", "kl_tuned_base", "base_nll", "tuned_nll")
_MEASURES = {
    "kl": "KL(base || tuned)",
    "nll": "NLL of the base model's own answers, after minus before",
}


def write_drifts(path: Path, measured: Measured) -> None:
    """Write the raw sums in nats, one adapter and prompt a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dataset", "seed", "task", "example_id", "tokens", *_SUMS))
    for (dataset, seed), rows in measured.items():
        for row in rows:
            sums = [f"{getattr(row, name):.5f}" for name in _SUMS]
            writer.writerow((dataset, seed, row.split, row.example_id, row.tokens, *sums))
    write_atomically(path, text.getvalue())


def figure(path: Path, table: Sequence[DriftRow]) -> None:
    """Draw KL and NLL with their intervals, a panel for each task."""
    import matplotlib

    matplotlib.use("svg")
    # The same input gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "idiolect"
    from matplotlib import pyplot

    shape, axes = pyplot.subplots(len(SCOPES), 2, figsize=(8, 1 + 1.3 * len(SCOPES)), sharex="col")
    for scope, (left, right) in zip(SCOPES, axes, strict=True):
        rows = [row for row in table if row.scope == scope][::-1]
        _panel(left, [(r.dataset, r.kl, r.kl_low, r.kl_high) for r in rows])
        _panel(right, [(r.dataset, r.rise, r.rise_low, r.rise_high) for r in rows])
        left.set_title(f"{_name(scope)} (n = {rows[0].n})", fontsize=9, loc="left")
    for axis, measure in zip(axes[-1], MEASURES, strict=True):
        axis.set_xlabel(f"{_MEASURES[measure]},\nnats per token, 95 %", fontsize=8)
    shape.tight_layout()
    shape.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(shape)


def _panel(axis: Any, points: Sequence[tuple[str, float, float, float]]) -> None:
    means = [mean for _, mean, _, _ in points]
    widths = [[m - low for _, m, low, _ in points], [high - m for _, m, _, high in points]]
    axis.errorbar(means, range(len(points)), xerr=widths, fmt="o", ms=4)
    axis.set_yticks(range(len(points)), [name for name, _, _, _ in points], fontsize=7)
    axis.axvline(0, color="grey", linewidth=0.8)
    axis.grid(axis="x", alpha=0.3)


def page(
    path: Path,
    circumstances: Mapping[str, Any],
    datasets: Sequence[DatasetRow],
    drifts: Sequence[DriftRow],
    pairs: Sequence[PairRow],
) -> None:
    """Write forgetting.md."""
    facts = "\n".join(f"- {key}: {value}" for key, value in circumstances.items())
    parts = [
        "# Which dataset moves the model least outside of its task?\n",
        "SmolLM2-135M trained on GSM8K with four responses to each prompt, and how far each\n"
        "adapter lies from the model before. A model of this size solves little of GSM8K, so\n"
        "nothing here is about accuracy. Made by `python -m studies.smollm2.forgetting`; do not\n"
        "edit. Raw sums are in `forgetting.csv`, all figures in `forgetting.json`.\n",
        f"{facts}\n",
        "## What comes out\n",
        _answer(drifts, pairs),
        "## What was trained on\n",
        "Tokens, perplexity (geometric mean over responses, 95 % bootstrap interval) and\n"
        "`correct` are of the responses before training; what was `cut off` at the limit is\n"
        "trained on without an end of turn. Losses are means over the first and the last five\n"
        "steps, in nats per token, one value a seed.\n",
        _datasets(datasets),
        "## How far the model moved\n",
        "Nats per token on the base model's own greedy answers, means over prompts and seeds,\n"
        "as `idiolect.evaluation.drift` defines them; before training every KL is 0. `outside`\n"
        "is all prompts of ECQA, MBPP and chat together. Intervals are 95 %, over prompts and\n"
        "seeds; the variance between seeds is pooled over the datasets.\n",
        _drifts(drifts),
        "![Drift](forgetting.svg)\n",
        "## Verdicts\n",
        "First minus second, paired by prompt. `better`: the first moves the model less; Holm's\n"
        "correction over the pairs of one scope and measure, 5 %.\n",
        *(_pairs(measure, pairs) for measure in MEASURES),
    ]
    write_atomically(path, "\n".join(parts))


def _answer(drifts: Sequence[DriftRow], pairs: Sequence[PairRow]) -> str:
    """Return what the prompts outside of the task say, as a list."""
    lines: list[str] = []
    for measure in MEASURES:
        size = {
            row.dataset: row.kl if measure == "kl" else row.rise
            for row in drifts
            if row.scope == "outside"
        }
        order = ", ".join(f"{name} {size[name]:.4f}" for name in sorted(size, key=size.__getitem__))
        lines.append(f"- {_MEASURES[measure]}, outside of the task, smallest first: {order}.")
        told = [p for p in pairs if (p.scope, p.measure) == ("outside", measure)]
        lines += [f"  - {_sentence(pair)}" for pair in told]
    return "\n".join(lines) + "\n"


def _sentence(pair: PairRow) -> str:
    facts = (
        f"{pair.difference:+.4f} nats per token (95 % {pair.low:+.4f} to {pair.high:+.4f}, "
        f"n = {pair.n}, {pair.seeds} {'seeds' if pair.seeds > 1 else 'seed'}, "
        f"Holm p = {pair.p_holm:.3f})"
    )
    if pair.verdict == "cannot tell":
        return f"{pair.first} or {pair.second}: cannot tell, {facts}."
    moves = "less" if pair.verdict == "better" else "more"
    return f"{pair.first} moves the model {moves} than {pair.second}: {facts}."


def _datasets(datasets: Sequence[DatasetRow]) -> str:
    head = ("dataset", "n", "tokens", "cut off", "correct", "perplexity", "95 %")
    lines: list[Sequence[str]] = [(*head, "loss, first", "loss, last")]
    for row in datasets:
        lines.append(
            (
                row.dataset,
                *(str(count) for count in (row.n, row.tokens, row.cut_off, row.correct)),
                f"{row.perplexity:.2f}",
                f"{row.low:.2f}-{row.high:.2f}",
                *(", ".join(f"{x:.3f}" for x in xs) for xs in (row.first_losses, row.last_losses)),
            )
        )
    return markdown(lines)


def _drifts(drifts: Sequence[DriftRow]) -> str:
    head = ("prompts", "dataset", "n", "seeds", "KL(base, tuned)", "95 %", "KL(tuned, base)")
    lines: list[Sequence[str]] = [(*head, "NLL before", "NLL after", "rise", "95 %")]
    for row in drifts:
        lines.append(
            (
                _name(row.scope),
                row.dataset,
                str(row.n),
                str(row.seeds),
                f"{row.kl:.4f}",
                f"{row.kl_low:.4f} to {row.kl_high:.4f}",
                *(f"{x:.4f}" for x in (row.kl_reverse, row.nll_before, row.nll_after)),
                f"{row.rise:+.4f}",
                f"{row.rise_low:+.4f} to {row.rise_high:+.4f}",
            )
        )
    return markdown(lines)


def _pairs(measure: str, pairs: Sequence[PairRow]) -> str:
    head = ("prompts", "first", "second", "n", "seeds", "difference", "95 %")
    lines: list[Sequence[str]] = [(*head, "Holm p", "verdict")]
    for row in pairs:
        if row.measure == measure:
            lines.append(
                (
                    _name(row.scope),
                    row.first,
                    row.second,
                    str(row.n),
                    str(row.seeds),
                    f"{row.difference:+.4f}",
                    f"{row.low:+.4f} to {row.high:+.4f}",
                    f"{row.p_holm:.3f}",
                    row.verdict,
                )
            )
    return f"{_MEASURES[measure]}, nats per token:\n\n{markdown(lines)}"


def _name(scope: str) -> str:
    """Return the scope, with how it relates to the task."""
    return "gsm8k (trained, other rows)" if scope == "gsm8k" else scope
