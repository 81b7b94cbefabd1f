"""forgetting.md: what the drifts say, in words and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from idiolect.statistics import Correlation
from studies.smollm2.forgetting.analysis import MEASURES, DatasetRow, DriftRow, PairRow
from studies.smollm2.tables import markdown

__all__ = ["MEASURE_NAMES", "page", "scope_name"]

MEASURE_NAMES = {
    "kl": "KL(base || tuned)",
    "nll": "NLL of the base model's own answers, after minus before",
}
_CLAIMS = {
    "gpt4": "than GPT-4's answers",
    "rewrite": "than the target's own rewrites of them",
    "own": "than the target's own answers, greedy",
    "own-drawn": "than the target's own answers, drawn at temperature 1",
}
"""The paper's second claim, dataset by dataset: references move the model more."""

_MORE = {
    "kl": ("moves the model less than", "moves the model more than"),
    "nll": ("raises the NLL less than", "raises the NLL more than"),
}
"""Measure -> what a `better` and a `worse` one does. A lower NLL is not a smaller move."""

_ONE_SEED = (
    "**One seed.** Each dataset has one adapter, so that the intervals and verdicts below speak\n"
    "about other prompts alone; another seed may give another order.\n"
)

_OUTCOMES = {"better": "no, less", "worse": "yes", "cannot tell": "cannot tell"}


def page(
    circumstances: Mapping[str, Any],
    datasets: Sequence[DatasetRow],
    drifts: Sequence[DriftRow],
    pairs: Sequence[PairRow],
    together: Correlation,
) -> str:
    """Return forgetting.md."""
    facts = "\n".join(f"- {key}: {value}" for key, value in circumstances.items())
    parts = [
        "# Which dataset moves the model least outside of its task?\n",
        "SmolLM2-135M trained on GSM8K with five responses to each prompt, and how far each\n"
        "adapter lies from the model before. A model of this size solves little of GSM8K, so\n"
        "nothing here is about accuracy. Made by `python -m studies.smollm2.forgetting`; do not\n"
        "edit. Raw sums are in `forgetting.csv`, all figures in `forgetting.json`, and\n"
        "`python -m studies.smollm2.forgetting --again` makes this page from the two.\n",
        f"{facts}\n",
        "## What comes out\n",
        "The paper's second claim, as far as this model can show it: on tasks that it was not\n"
        "trained on, do references move the model more (KL), and do they make the base's own\n"
        "answers more surprising to it (NLL)?\n",
        _claims(pairs),
        "The two can disagree. Below zero the NLL says that the adapter is surer of the base\n"
        "model's greedy answers than the base model is, as one is that was trained on greedy\n"
        "answers. That is a move too, and KL counts it.\n",
        "`own` and `own-drawn` are both the target's own. Greedy answers are surer than the model\n"
        "is; drawn ones are its distribution, where there is nothing to learn in expectation. So\n"
        "they part what comes from words being its own from what comes from greedy decoding.\n",
        *([_ONE_SEED] if all(row.seeds == 1 for row in drifts) else []),
        _answer(drifts, pairs),
        "Does KL outside go with KL on the trained task, as RL's Razor (arXiv 2509.04259) has it?\n"
        f"Spearman's rank correlation over the {together.n} adapters is {_value(together)}.\n"
        "Adapters of one dataset are alike, so no interval is given.\n",
        "**What this does not say.** Moving less is no merit alone: an adapter that is trained on\n"
        "what the model writes anyway has little to learn (the losses below), and whether it\n"
        "learned the task was not measured. Steps and prompts are the same for all, tokens and\n"
        "correctness are not. One model, one task, one recipe.\n",
        "## What was trained on\n",
        "Tokens, perplexity (geometric mean over responses, 95 % bootstrap interval) and\n"
        "`correct` are of the responses before training; what was `cut off` at the limit is\n"
        "trained on without an end of turn. Losses are means over the first and the last five\n"
        "steps, in nats per token, one value a seed, and only describe.\n",
        _datasets(datasets),
        "## How far the model moved\n",
        "Nats per token on the base model's own greedy answers, means over prompts and seeds,\n"
        "as `idiolect.evaluation.drift` defines them; before training every KL is 0. `outside`\n"
        "is all prompts of ECQA, MBPP and chat together. Intervals are 95 %, over prompts and\n"
        "seeds; the variance between seeds is pooled over the datasets. KL(tuned, base) and the\n"
        "NLLs before and after only describe and carry none. No KL is below zero; an interval\n"
        "may be, because its width is pooled.\n",
        _drifts(drifts),
        "![Drift](forgetting.svg)\n",
        "## Verdicts\n",
        "First minus second, paired by prompt; the interval allows for other prompts and other\n"
        "seeds, and `by seed` has the difference of each seed's two adapters. `better`: the first\n"
        "is lower; Holm's correction over the pairs of one scope and measure, 5 %.\n",
        *(_pairs(measure, pairs) for measure in MEASURES),
    ]
    return "\n".join(parts)


def _claims(pairs: Sequence[PairRow]) -> str:
    """Return a row for each dataset that references are compared with."""
    # Not the measures' full names: they have bars, which would end a cell.
    lines: list[Sequence[str]] = [("references do it more", *(f"by {m.upper()}" for m in MEASURES))]
    for name, words in _CLAIMS.items():
        found = {
            pair.measure: pair
            for pair in pairs
            if (pair.scope, pair.first, pair.second) == ("outside", "reference", name)
        }
        lines.append((words, *(_OUTCOMES[found[measure].verdict] for measure in MEASURES)))
    return markdown(lines)


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
        lines.append(f"- {MEASURE_NAMES[measure]}, outside of the task, smallest first: {order}.")
        told = [p for p in pairs if (p.scope, p.measure) == ("outside", measure)]
        lines += [f"  - {_sentence(pair)}" for pair in told]
    return "\n".join(lines) + "\n"


def _sentence(pair: PairRow) -> str:
    facts = (
        f"{pair.difference:+.4f} nats per token (95 % {pair.low:+.4f} to {pair.high:+.4f}, "
        f"n = {pair.n}, {pair.seeds} {'seeds' if pair.seeds > 1 else 'seed'}, "
        f"Holm's p {_p(pair.p_holm)})"
    )
    if pair.verdict == "cannot tell":
        return f"{pair.first} or {pair.second}: cannot tell, {facts}."
    less, more = _MORE[pair.measure]
    does = less if pair.verdict == "better" else more
    return f"{pair.first} {does} {pair.second}: {facts}."


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _value(correlation: Correlation) -> str:
    return "undefined" if correlation.value is None else f"{correlation.value:+.2f}"


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
                scope_name(row.scope),
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
    head = ("prompts", "first", "second", "n", "seeds", "difference", "95 %", "by seed")
    lines: list[Sequence[str]] = [(*head, "Holm p", "verdict")]
    for row in pairs:
        if row.measure == measure:
            lines.append(
                (
                    scope_name(row.scope),
                    row.first,
                    row.second,
                    str(row.n),
                    str(row.seeds),
                    f"{row.difference:+.4f}",
                    f"{row.low:+.4f} to {row.high:+.4f}",
                    ", ".join(f"{each:+.4f}" for each in row.by_seed),
                    _p(row.p_holm),
                    row.verdict,
                )
            )
    return f"{MEASURE_NAMES[measure]}, nats per token:\n\n{markdown(lines)}"


def scope_name(scope: str) -> str:
    """Return the scope, with how it relates to the task."""
    return "gsm8k (trained, other rows)" if scope == "gsm8k" else scope
