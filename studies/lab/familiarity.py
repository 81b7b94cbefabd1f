"""How foreign each kind of response to the frontier is to a target."""

import dataclasses
from pathlib import Path

from idiolect.config import Config
from idiolect.lab.idiolects import IDIOLECTS
from idiolect.lab.teacher import Knobs
from idiolect.lab.teacher.model import ScriptedTeacher
from idiolect.pipeline.build import build
from idiolect.pipeline.job import RunOptions
from idiolect.records import Candidate, Measurement
from idiolect.runs import RunReader
from studies.lab.world import config_of

__all__ = ["EXACT", "Surprisals", "surprisals"]

Surprisals = dict[str, dict[str, float]]
"""Kind of response -> example -> mean NLL of its tokens."""

EXACT = "exact change"
"""The change by a corrector that writes as the target does; `minimal-change` has an accent."""

ACCENT = Knobs(accent_rate=1.0)
"""A corrector that has no wording but its own. It writes in that whatever it corrects, always."""


def surprisals(target: str, runs: Path, data: Path, options: RunOptions) -> Surprisals:
    """Return the mean NLL of each response under a target, by kind and example."""
    config = config_of("main.yaml", data, "train.jsonl", target, runs / f"familiar-{target}")
    columns = tuple(f"column:{name}" for name in IDIOLECTS)
    kinds = _built(dataclasses.replace(config, strategies=("minimal-change", *columns)), options)
    accented = dataclasses.replace(
        config,
        strategies=("minimal-change",),
        # The tutor's lines are longer than those that they replace. A smaller budget would leave
        # out the corrections that have most of them.
        minimal_change=dataclasses.replace(config.minimal_change, budget=1.0),
        output_dir=str(runs / f"accented-{target}"),
    )
    teacher = dataclasses.replace(options, teacher=ScriptedTeacher(ACCENT))
    return {
        **{("native" if kind == target else kind): nlls for kind, nlls in kinds.items()},
        EXACT: kinds["minimal-change"],
        "minimal-change": _built(accented, teacher)["minimal-change"],
    }


def _built(config: Config, options: RunOptions) -> Surprisals:
    """Make the responses, and return their mean NLLs by strategy or column."""
    build(config, options=options)
    with RunReader(config.output_dir or "") as run:
        nlls = {m.candidate_id: m.mean_nll for m in run.all(Measurement) if m.context == "prompt"}
        candidates = [c for c in run.all(Candidate) if c.id in nlls]
    found: Surprisals = {}
    for candidate in candidates:
        kind = candidate.strategy.removeprefix("column:")
        found.setdefault(kind, {})[candidate.example_id] = nlls[candidate.id]
    return found
