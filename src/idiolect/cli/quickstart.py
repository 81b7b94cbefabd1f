"""`idiolect quickstart`."""

import json as js
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from idiolect.cli import options as o

if TYPE_CHECKING:
    from idiolect.runs.progress import Progress, ProgressSink

__all__ = ["command"]

_LAB = """\
This is the lab: a very small model, drawn problems and a scripted teacher, all on this machine.
It is a model organism: it shows how the method works and is no evidence about large models."""
_STAGES = {
    "own answers": "lab:amber answers {train} problems, of which it can solve about half",
    "verify": "every answer is checked",
    "minimal-change answers": "lab:teacher corrects the wrong ones over HTTP, in few words",
    "score": "each response, also the textbook's and lab:birch's, is scored: how familiar is it?",
    "base answers": "before training, lab:amber answers {test} unseen problems and other skills",
    "train": "four datasets with the same problems are trained on, {trainings} times each",
    "adapters answer": "what was trained answers the same unseen problems",
}
"""Step -> what is done in it, in the order of the work."""
_NEEDED = {"torch": "local", "trl": "train", "matplotlib": "report"}
_OWN_DATA = """\
Your own data (JSONL with prompts and references) and model (a folder or a hub id):
  idiolect audit data.jsonl --target MODEL                    is my data foreign to my model?
  idiolect build data.jsonl --target MODEL --teacher openai:NAME \\
    --strategies reference,own,minimal-change                 familiar and correct training data"""


@o.grouped
def command(
    run: o.RunFlags,
    screen: o.ScreenFlags,
    fresh: o.FreshOption = False,
) -> int:
    """See what the method does, on an embedded model: minutes, no download, no key."""
    _require_packages()
    from idiolect.cli.progress import progress
    from idiolect.cli.screen import show_table
    from idiolect.pipeline.quickstart import DEFAULT_SIZES, quickstart
    from idiolect.pipeline.quickstart.words import table
    from idiolect.pipeline.study.page import to_json
    from idiolect.report import write_report

    folder = run.output_dir or "runs/quickstart"
    began = time.monotonic()
    say = _silent if screen.quiet else _tell
    counts = {
        "train": DEFAULT_SIZES.trained,
        "test": DEFAULT_SIZES.tested,
        "trainings": DEFAULT_SIZES.trainings,
    }
    say(f"{_LAB}\n")
    with progress(quiet=screen.quiet) as sink:
        done = quickstart(
            Path(folder),
            seed=run.seed or 0,
            fresh=fresh,
            sizes=DEFAULT_SIZES,
            report=_Guide(sink, say, counts),
        )
    written = write_report(done.study.run)
    if screen.json:
        tree = {"run": str(done.study.run), "report": str(written.path), "words": done.words}
        print(js.dumps({**to_json(done.study.found, ()), **tree}, indent=2, ensure_ascii=False))
        return 0
    print()
    show_table(*table(done.study.found), words=_legend(done.words))
    print(f"\nThe lab is a model organism: no evidence about large models.\n\n{_OWN_DATA}\n")
    print(f"report: {written.path} (open it in a browser)")
    print(f"run: {done.study.run} ({time.monotonic() - began:.0f} s)")
    return 0


def _legend(words: tuple[str, ...]) -> list[str]:
    return [
        "own: its own answers, mistakes and all; minimal-change: those, corrected;",
        "reference: the textbook's; birch: the words of another model.",
        "correct: responses trained on; perplexity: low is familiar; solves: unseen problems;",
        "gain, elsewhere: change on the task and on other skills, in points.",
        "",
        *words,
    ]


def _require_packages() -> None:
    """Find out at once what would be missing in a minute.

    Raises:
        MissingExtra: a package is not installed.
    """
    from idiolect.errors import MissingExtra

    for package, extra in _NEEDED.items():
        if find_spec(package) is None:
            raise MissingExtra(package, extra, "the quickstart")


class _Guide:
    """Says what a step is for when it begins, and what comes next."""

    def __init__(
        self, sink: "ProgressSink", say: Callable[[str], None], counts: dict[str, int]
    ) -> None:
        self._sink, self._say, self._counts = sink, say, counts
        self._seen: set[str] = set()

    def __call__(self, state: "Progress") -> None:
        if state.step in _STAGES and state.step not in self._seen:
            self._seen.add(state.step)
            self._say(self._introduction(state.step))
        self._sink(state)

    def _introduction(self, step: str) -> str:
        steps = [*_STAGES]
        number = steps.index(step) + 1
        lines = [f"[{number}/{len(steps)}] {_STAGES[step]}"]
        lines.append(
            f"      next: {_STAGES[steps[number]] if number < len(steps) else 'the report'}"
        )
        return "\n".join(lines).format(**self._counts)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    pass
