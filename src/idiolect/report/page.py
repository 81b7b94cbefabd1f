"""One self-contained HTML page from the facts of a run.

The page asks for nothing from anywhere, and its content policy would refuse it: one script
and one style sheet, both named by their hash. Text from models is data: autoescaped in the
template, and put on the page by the script as text, never as markup.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from idiolect.records import Example
from idiolect.report.browser import browser_data, sample_examples
from idiolect.report.charts import distribution_chart, effect_chart
from idiolect.report.facts import Facts, read_facts
from idiolect.report.words import (
    headline,
    number,
    percent,
    plain,
    signed,
    usd,
    verdict_cell,
    visible,
)
from idiolect.runs.manifest import write_atomically
from idiolect.runs.store import RunReader

__all__ = ["WrittenReport", "embedded_json", "write_report"]

_DEFAULT_EXAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """Where a report is and what it holds."""

    path: Path
    headline: str
    examples: int
    """Examples that can be looked at in it."""

    of: int
    bytes: int


def write_report(
    run_path: str | Path,
    output: Path | None = None,
    *,
    examples: int = _DEFAULT_EXAMPLES,
    seed: int = 0,
) -> WrittenReport:
    """Write the report of a run.

    Args:
        run_path: Directory of the run; it may still be at work.
        output: The HTML file. Default: `report.html` in the directory of the run.
        examples: At most so many examples with all their candidates go into the page.
        seed: Decides which.

    Raises:
        RunError: there is no run.
        MissingExtra: the plotting library is not installed.
        StorageError: the file can't be written.
    """
    with RunReader(run_path) as run:
        facts = read_facts(run, seed=seed)
        ids = [example.id for example in run.all(Example)]
        sample = sample_examples(ids, examples, named=_named(facts), seed=seed)
        data = browser_data(run, sample.ids)
    head = headline(facts)
    page = _template().render(
        facts=facts,
        headline=head,
        distribution=distribution_chart(facts.perplexities),
        effects=effect_chart(facts.study) if facts.study else None,
        sample=sample,
        shown=set(sample.ids),
        example_of={c.id: c.example_id for c in facts.rows.candidates},
        data=embedded_json(data),
        style=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
        policy=_policy(),
    )
    path = output or Path(run_path) / "report.html"
    write_atomically(path, page)
    return WrittenReport(
        path=path,
        headline=head.text,
        examples=len(sample.ids),
        of=sample.of,
        bytes=len(page.encode()),
    )


def embedded_json(value: Any) -> Markup:
    """Return JSON that can't end the script element that holds it, nor break a line in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _named(facts: Facts) -> set[str]:
    """Return the examples that the page refers to."""
    example_of = {c.id: c.example_id for c in facts.rows.candidates}
    worst = {row.example_id for strategy in facts.table for row in strategy.worst}
    return worst | {example_of[p.candidate_id] for a in facts.accents for p in a.phrases}


def _policy() -> str:
    """Return the content policy: nothing from outside, one style sheet, one script."""
    return (
        f"default-src 'none'; style-src '{_hash(_asset('page.css'))}'; "
        f"script-src '{_hash(_asset('page.js'))}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _asset(name: str) -> str:
    return (resources.files("idiolect.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("idiolect.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = environment.filters
    filters |= {
        "number": number,
        "percent": percent,
        "plain": plain,
        "signed": signed,
        "usd": usd,
        "visible": visible,
        "correct": verdict_cell,
    }
    return environment.get_template("page.html.jinja")
