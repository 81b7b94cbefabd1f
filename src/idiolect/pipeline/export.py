"""`export`: the chosen responses of a run, in a trainer's form."""

import dataclasses
import json
from pathlib import Path

import yaml

from idiolect.chat import strip_thinking
from idiolect.data.export import EXPORTS, export_rows
from idiolect.errors import ConfigError, nearest
from idiolect.records import Candidate, Choice, Example, Measurement, Verdict
from idiolect.runs.manifest import write_atomically
from idiolect.runs.store import Run, RunReader

__all__ = ["export", "export_run"]


def export(run_path: str | Path, output: str | Path, *, to: str) -> tuple[Path, int]:
    """Write the chosen responses of a finished run; return the file and its number of rows.

    Raises:
        ConfigError: there is no such run or form, or nothing was chosen in the run.
    """
    if to not in EXPORTS:
        raise ConfigError(
            f"--to: unknown form {to!r}{nearest(to, EXPORTS)} (allowed: {', '.join(EXPORTS)})"
        )
    with RunReader(run_path) as run:
        count = sum(choice.chosen for choice in run.all(Choice))
        if not count:
            raise ConfigError(
                f"{run.path}: no response was chosen in this run, so there is nothing to write; "
                "choose with `idiolect build`"
            )
        return export_run(run, Path(output), to=to), count


def export_run(run: Run | RunReader, output: Path, *, to: str) -> Path:
    """Write the chosen responses in the order of the examples."""
    candidates = {c.id: c for c in run.all(Candidate)}
    verdicts = {v.candidate_id: v for v in run.all(Verdict)}
    measurements = {m.candidate_id: m for m in run.all(Measurement) if m.context == "prompt"}
    chosen = {c.example_id: candidates[c.candidate_id] for c in run.all(Choice) if c.chosen}
    config = yaml.safe_load((run.path / "config.resolved.yaml").read_text(encoding="utf-8"))
    thinking = config["target"]["thinking"]
    rows = [
        (
            example,
            _as_scored(candidate, thinking),
            _metadata(example, candidate, verdicts, measurements),
        )
        for example in run.all(Example)
        if (candidate := chosen.get(example.id)) is not None
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in export_rows(rows, to=to)]
    write_atomically(output, "".join(lines))
    return output


def _as_scored(candidate: Candidate, thinking: str) -> Candidate:
    """Return a candidate with the text that was scored, so that the same is trained on."""
    if thinking != "strip":
        return candidate
    return dataclasses.replace(candidate, text=strip_thinking(candidate.text))


def _metadata(
    example: Example,
    candidate: Candidate,
    verdicts: dict[str, Verdict],
    measurements: dict[str, Measurement],
) -> dict[str, str | float | None]:
    """Say where a response comes from. The same keys with the same types in every row."""
    verdict, measurement = verdicts.get(candidate.id), measurements.get(candidate.id)
    return {
        "example_id": example.id,
        "candidate_id": candidate.id,
        "strategy": candidate.strategy,
        "model": candidate.model,
        "revision": candidate.revision,
        "verdict": verdict.status if verdict else "unchecked",
        "mean_nll": measurement.nll / measurement.tokens if measurement else None,
    }
