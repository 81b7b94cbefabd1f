"""`study.json` and `study.md`: what a study found, for programs and for people."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idiolect.config import StudyConfig
from idiolect.pipeline.study.datasets import takes_correct_only
from idiolect.pipeline.study.results import DatasetResult, Found, Rate
from idiolect.runs.manifest import write_atomically

__all__ = ["result_table", "to_json", "write_page"]


def result_table(found: Found) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the result table; the base model first."""
    others = list(found.datasets[0].others)
    headers = ["dataset", "n", "correct", "tokens", "perplexity", "edit", "rate", "test", "gain"]
    has_drift = any(each.drift is not None for each in found.datasets)
    headers += [*others, *(["forgetting"] if others else []), *(["drift"] if has_drift else [])]
    base = ["base", "", "", "", "", "", "", _percent(found.base["test"]), ""]
    base += [_percent(found.base[name]) for name in others]
    rows = [base, *(_row(each, others) for each in found.datasets)]
    return headers, [row + [""] * (len(headers) - len(row)) for row in rows]


def write_page(run: Path, found: Found, words: Sequence[str], study: StudyConfig) -> Path:
    """Write both files into the run; return the one for people."""
    data = json.dumps(to_json(found, words), indent=1, ensure_ascii=False)
    write_atomically(run / "study.json", data + "\n")
    headers, rows = result_table(found)
    seeds = len(found.datasets[0].cells)
    first = found.datasets[0]
    lines = [
        "# Study",
        "",
        f"{len(found.datasets)} datasets, {seeds} {'seeds' if seeds > 1 else 'seed'} "
        f"({', '.join(str(cell.seed) for cell in first.cells)}), {first.facts.n} prompts that all "
        f"have a response for, {first.cells[0].steps} optimizer steps for each.",
        "",
        _line(headers),
        _line(["---"] * len(headers)),
        *(_line(row) for row in rows),
        "",
        "Rates are shares of correct answers, means over seeds; gain and forgetting are changes "
        "from the base model in points. Drift is KL(base || tuned) in nats per token on prompts of "
        "the trained task. Every interval is 95 %, every verdict after Holm over its table.",
        "",
        *(f"- {_plain(sentence)}" for sentence in words),
        "",
        "## Datasets",
        "",
        *(f"- {_plain(_made_of(each, study))}" for each in found.datasets),
    ]
    write_atomically(run / "study.md", "\n".join(lines) + "\n")
    return run / "study.md"


def to_json(found: Found, words: Sequence[str]) -> dict[str, Any]:
    """Return the result as plain data."""
    return {**_tree(found), "words": list(words)}


def _tree(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _tree(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _tree(item) for key, item in value.items()}
    return [_tree(item) for item in value] if isinstance(value, tuple | list) else value


def _row(result: DatasetResult, others: Sequence[str]) -> list[str]:
    facts = result.facts
    row = [
        result.name,
        str(facts.n),
        f"{facts.correct}/{facts.checked}",
        f"{facts.tokens:.0f}",
        "-" if facts.perplexity is None else f"{facts.perplexity:.2f}",
        "-" if facts.edit_distance_to_own is None else f"{facts.edit_distance_to_own:.2f}",
        f"{result.learning_rate:g}",
        _percent(result.test),
        f"{100 * result.gain:+.1f}",
        *(_percent(result.others[name]) for name in others),
    ]
    row += [] if result.forgetting is None else [f"{100 * result.forgetting:+.1f}"]
    return row + ([] if result.drift is None else [f"{result.drift:.3f}"])


def _percent(rate: Rate) -> str:
    return f"{100 * rate.rate:.1f} % of {rate.examples}"


def _made_of(result: DatasetResult, study: StudyConfig) -> str:
    facts = result.facts
    parts = ", ".join(f"{count} {name}" for name, count in facts.strategies.items())
    rule = "" if takes_correct_only(study, result.name) else " (correctness was not asked for)"
    return (
        f"{result.name}: {parts}{rule}; a response for {facts.available} prompts, trained on "
        f"{facts.n} that all datasets have; first loss {result.cells[0].first_loss:.3f} nats per "
        f"token, last {result.cells[0].last_loss:.3f} (seed {result.cells[0].seed})"
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
