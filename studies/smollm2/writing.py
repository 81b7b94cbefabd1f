"""What the study writes: scores.csv, results.json, figures, and the tables of README.md."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idiolect.runs.manifest import write_atomically
from studies.smollm2.analysis import Agreement, Statement, VariantRow
from studies.smollm2.recorded import GEOMETRIC, RECORDED
from studies.smollm2.scoring import ScoredRow

__all__ = ["figure", "markdown", "readme", "write_results", "write_scores"]


def write_scores(path: Path, rows: Sequence[ScoredRow]) -> None:
    """Write the raw sums, one response a row; no text of any response."""
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(ScoredRow)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = dataclasses.asdict(row)
        values |= {"nll": f"{row.nll:.3f}", "rank_surprisal": f"{row.rank_surprisal:.4f}"}
        writer.writerow(values)
    write_atomically(path, text.getvalue())


def write_results(path: Path, circumstances: Mapping[str, Any], **tables: Sequence[Any]) -> None:
    """Write all tables with their circumstances as JSON."""
    plain = {name: [dataclasses.asdict(row) for row in rows] for name, rows in tables.items()}
    write_atomically(path, json.dumps({**circumstances, **plain}, indent=1) + "\n")


def figure(path: Path, table: Sequence[VariantRow]) -> None:
    """Draw the perplexities with their intervals, a panel for each task."""
    import matplotlib

    matplotlib.use("svg")
    # The same input gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "idiolect"
    from matplotlib import pyplot

    tasks = list(dict.fromkeys(row.task for row in table))
    shape, axes = pyplot.subplots(len(tasks), 1, figsize=(7, 1 + 2 * len(tasks)), squeeze=False)
    for task, axis in zip(tasks, axes[:, 0], strict=True):
        rows = sorted((r for r in table if r.task == task), key=lambda r: -r.perplexity)
        widths = [[r.perplexity - r.low for r in rows], [r.high - r.perplexity for r in rows]]
        axis.errorbar([r.perplexity for r in rows], range(len(rows)), xerr=widths, fmt="o", ms=4)
        axis.set_yticks(range(len(rows)), [r.variant for r in rows], fontsize=7)
        axis.set_xscale("log")
        axis.set_title(f"{task} (n = {rows[0].n})", fontsize=9, loc="left")
        axis.grid(axis="x", which="both", alpha=0.3)
    axes[-1, 0].set_xlabel("perplexity under SmolLM2-135M-Instruct, geometric mean and 95 %")
    shape.tight_layout()
    shape.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(shape)


def readme(
    path: Path,
    circumstances: Mapping[str, Any],
    table: Sequence[VariantRow],
    agreement: Sequence[Agreement],
    tested: Sequence[Statement],
) -> None:
    """Write README.md."""
    facts = "\n".join(f"- {key}: {value}" for key, value in circumstances.items())
    parts = [
        "# SmolLM2-135M on the responses of the paper\n",
        "Which of the statements of arXiv 2402.11192 about perplexity hold on a small model that\n"
        "none of the responses were written for. Made by `python -m studies.smollm2`; do not\n"
        "edit. The raw sums are in `scores.csv`, all figures in `results.json`.\n",
        f"{facts}\n",
        "## Perplexity of each variant\n",
        "Geometric mean over rows with its 95 % bootstrap interval; `arithmetic` is the mean that\n"
        "the authors take. Recorded values: arithmetic means from the authors' files, geometric\n"
        "ones in brackets where there are any (see `recorded.py`), over other rows of the data.\n",
        _variants(table),
        "![Perplexities](perplexity.svg)\n",
        "## Do the orders agree?\n",
        "Spearman's rank correlation over variants, with each recorded order; `-` for fewer than\n"
        "four variants. With so few variants one exchange moves it much.\n",
        _agreement(agreement),
        "## The paper's statements\n",
        "Perplexity ratios on the same prompts, 95 % bootstrap interval over prompts. Each test\n"
        "stands alone: intervals are not widened for their number. SmolLM2 wrote none of the\n"
        "responses, so `minimal change` and `own` are of other models here.\n",
        _statements(tested),
    ]
    write_atomically(path, "\n".join(parts))


def _variants(table: Sequence[VariantRow]) -> str:
    head = ("task", "variant", "n", "tokens", "perplexity", "95 %", "median", "arithmetic")
    lines: list[Sequence[str]] = [(*head, "rank-surprisal", "Mistral-7B", "Llama-2-13B")]
    for row in table:
        lines.append(
            (
                row.task,
                row.variant,
                str(row.n),
                str(row.tokens),
                f"{row.perplexity:.2f}",
                f"{row.low:.2f}-{row.high:.2f}",
                f"{row.median:.2f}",
                f"{row.arithmetic:.2f}",
                f"{row.rank_surprisal:.2f}",
                _recorded("mistral-7b-instruct", row),
                _recorded("llama-2-13b-chat", row),
            )
        )
    return markdown(lines)


def _recorded(model: str, row: VariantRow) -> str:
    """Return the recorded arithmetic mean, with the geometric one in brackets where known."""
    value = RECORDED[model][row.task].get(row.variant)
    geometric = GEOMETRIC[model].get(row.task, {}).get(row.variant)
    shown = "-" if value is None else f"{value:g}"
    return shown if geometric is None else f"{shown} [{geometric:g}]"


def _agreement(agreement: Sequence[Agreement]) -> str:
    lines: list[Sequence[str]] = [("model", "task", "variants", "arithmetic", "our geometric")]
    for row in agreement:
        lines.append(
            (
                row.model,
                row.task,
                str(row.variants),
                *("-" if v is None else f"{v:.2f}" for v in (row.arithmetic, row.geometric)),
            )
        )
    return markdown(lines)


def _statements(tested: Sequence[Statement]) -> str:
    lines: list[Sequence[str]] = [
        ("statement", "task", "comparison", "n", "ratio", "95 %", "found", "holds")
    ]
    for row in sorted(tested, key=lambda one: one.statement):
        lines.append(
            (
                row.statement,
                row.task,
                f"{row.variant} ÷ {row.other}",
                str(row.n),
                f"{row.ratio:.2f}",
                f"{row.low:.2f}-{row.high:.2f}",
                row.found,
                row.holds,
            )
        )
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table; the first line is its head."""
    head, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    rule = "|" + "---|" * len(lines[0])
    return "\n".join([head, rule, *rows]) + "\n"
