"""All tables of the study, and the page and the JSON that they make."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studies.smollm2.analysis import (
    Agreement,
    Order,
    VariantRow,
    agreements,
    orders,
    variant_table,
)
from studies.smollm2.recorded import GEOMETRIC, NAMES, RECORDED
from studies.smollm2.scoring import ScoredRow
from studies.smollm2.statements import STATEMENTS, Comparison, comparisons, verdict

__all__ = ["Tables", "as_json", "markdown", "page"]

_DIGITS = 6
_MODELS = {"mistral-7b-instruct": "Mistral-7B", "llama-2-13b-chat": "Llama-2-13B"}
_RECORDED = f"""Recorded values, of {" and ".join(NAMES.values())}: arithmetic means
from the authors' files, geometric ones in brackets where there are any (see `recorded.py`). The
reference and GPT-4 of GSM8K (Mistral) are over n = 300. How many rows the others are over was not
recorded; the published files hold 1,000 of GSM8K, MATH algebra and ECQA, 374 of MBPP and twice 82
of HumanEval. No interval and no revision of the models was recorded with any of them. They are of
other rows, other tokens and another template, so levels can't be compared, only orders.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What the scores say. A pure function of them."""

    variants: Sequence[VariantRow]
    agreement: Sequence[Agreement]
    orders: Sequence[Order]
    statements: Sequence[Comparison]

    @classmethod
    def of(cls, rows: Sequence[ScoredRow]) -> "Tables":
        """Compute all tables."""
        variants = variant_table(rows)
        return cls(
            variants=variants,
            agreement=agreements(variants),
            orders=orders(variants),
            statements=comparisons(rows),
        )


def as_json(circumstances: Mapping[str, Any], **tables: Sequence[Any]) -> str:
    """Return all tables with their circumstances, numbers to six digits."""
    plain = {name: [dataclasses.asdict(row) for row in rows] for name, rows in tables.items()}
    return json.dumps({**circumstances, **_rounded(plain)}, indent=1) + "\n"


def _rounded(value: Any) -> Any:
    """Round to six significant digits: the last bits differ from one processor to the next."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value


def page(circumstances: Mapping[str, Any], tables: Tables) -> str:
    """Return README.md."""
    facts = "\n".join(f"- {key}: {value}" for key, value in circumstances.items())
    parts = [
        "# SmolLM2-135M on the responses of the paper\n",
        "Which of the statements of arXiv 2402.11192 about perplexity hold on a small model that\n"
        "none of the responses were written for. Made by `python -m studies.smollm2`; do not\n"
        "edit. The raw sums are in `scores.csv`, all figures in `results.json`, and\n"
        "`python -m studies.smollm2 --check` makes page and chart again from the former.\n",
        f"{facts}\n",
        "## The paper's statements\n",
        "What each comparison below says, put together: a statement *holds* on a task where every\n"
        "comparison of it does, and *fails* where one turns out the other way.\n",
        _verdicts(tables.statements),
        "## Perplexity of each variant\n",
        "Geometric mean over rows with its 95 % bootstrap interval; `arithmetic` is the mean that\n"
        "the authors take. `median`, `arithmetic` and `rank-surprisal` (mean rank, at most 100,\n"
        "÷ mean NLL) only describe and carry no interval.\n",
        _RECORDED,
        _variants(tables.variants),
        "![Perplexities](perplexity.svg)\n",
        "## Do the orders agree?\n",
        _pooled(tables.orders),
        "Spearman's rank correlation over the variants of a task, with each recorded order (95 %\n"
        "interval where there are five variants or more; fewer are no evidence of anything):\n",
        _agreement(tables.agreement),
        "## Comparisons\n",
        "Ratios of perplexities (geometric) on the same prompts, with 95 % intervals (paired, t).\n"
        "`p` is corrected for the number of all comparisons (Holm); above 5 %: *cannot tell*.\n"
        "The last two columns are the same ratios of the recorded arithmetic means, without\n"
        "intervals. There a minimal change is of the model's own answer; SmolLM2 wrote none of\n"
        "these responses.\n",
        _comparisons(tables.statements),
    ]
    return "\n".join(parts)


def _verdicts(tested: Sequence[Comparison]) -> str:
    tasks = list(dict.fromkeys(row.task for row in tested))
    lines: list[Sequence[str]] = [("statement", *tasks)]
    for statement in STATEMENTS:
        cells: list[str] = []
        for task in tasks:
            mine = [row for row in tested if (row.statement, row.task) == (statement, task)]
            held = sum(row.holds == "holds" for row in mine)
            cells.append(f"{verdict(mine)} ({held} of {len(mine)})" if mine else "-")
        lines.append((statement, *cells))
    return markdown(lines)


def _variants(table: Sequence[VariantRow]) -> str:
    head = ("task", "variant", "n", "tokens", "perplexity", "95 %", "median", "arithmetic")
    lines: list[Sequence[str]] = [(*head, "rank-surprisal", *_MODELS.values())]
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
                *(_recorded(model, row) for model in _MODELS),
            )
        )
    return markdown(lines)


def _recorded(model: str, row: VariantRow) -> str:
    """Return the recorded arithmetic mean, with the geometric one in brackets where known."""
    value = RECORDED[model][row.task].get(row.variant)
    geometric = GEOMETRIC[model].get(row.task, {}).get(row.variant)
    shown = "-" if value is None else f"{value:g}"
    return shown if geometric is None else f"{shown} [{geometric:g}]"


def _pooled(found: Sequence[Order]) -> str:
    lines = [
        f"- {_MODELS[row.model]}: {row.same} of {row.pairs} pairs of variants of one task stand in "
        f"the recorded order ({row.variants} variants, {_counted(row.tasks)}; p = {row.p:.4f}, "
        "permutations within tasks)."
        for row in found
    ]
    return "\n".join(lines) + "\n"


def _counted(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def _agreement(agreement: Sequence[Agreement]) -> str:
    lines: list[Sequence[str]] = [("model", "task", "both arithmetic", "ours geometric")]
    for row in agreement:
        lines.append((_MODELS[row.model], row.task, row.arithmetic.words, row.geometric.words))
    return markdown(lines)


def _comparisons(tested: Sequence[Comparison]) -> str:
    head = ("statement", "task", "comparison", "n", "ratio", "95 %", "p", "found", "verdict")
    lines: list[Sequence[str]] = [(*head, *_MODELS.values())]
    for row in tested:
        lines.append(
            (
                row.statement,
                row.task,
                f"{row.variant} ÷ {row.other}",
                str(row.n),
                f"{row.ratio:.2f}",
                f"{row.low:.2f}-{row.high:.2f}",
                "<0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}",
                row.found,
                row.holds,
                *(f"{row.recorded[m]:.2f}" if m in row.recorded else "-" for m in _MODELS),
            )
        )
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table; the first line is its head."""
    head, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    rule = "|" + "---|" * len(lines[0])
    return "\n".join([head, rule, *rows]) + "\n"
