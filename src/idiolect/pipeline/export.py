"""`export`: the chosen responses of a run, in a trainer's form, with a config that trains."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from idiolect.chat import PLAIN_FORMATS, strip_thinking
from idiolect.data.export import EXPORTS, Form, Setting, export_rows
from idiolect.data.export.writing import SUFFIXES, write_rows
from idiolect.errors import ConfigError, DataError, RunError, nearest
from idiolect.models.tokenizer import model_path
from idiolect.records import Candidate, Choice, Example, Measurement, Verdict
from idiolect.runs.manifest import write_atomically
from idiolect.runs.store import Run, RunReader

__all__ = ["Exported", "ended", "export", "export_run"]

_TEMPLATE_TOKENS = 64
"""Tokens that a template writes around one turn, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    path: Path
    rows: int
    files: tuple[Path, ...]
    """Configs beside the data."""

    command: str | None
    """The command that trains, in the folder of the data."""


def export(run_path: str | Path, output: str | Path | None = None, *, to: str) -> Exported:
    """Write the chosen responses of a finished run, and the config of the trainer beside them.

    Args:
        run_path: The directory of a run of `build`.
        output: A `.jsonl` or `.parquet` file. Default: `TO.jsonl` in the run.
        to: A key of `EXPORTS`.

    Raises:
        ConfigError: there is no such run or form, the form cannot hold what the run needs, or
            nothing was chosen in the run.
        DataError: the trainer would drop a row.
    """
    if to not in EXPORTS:
        raise ConfigError(
            f"--to: unknown form {to!r}{nearest(to, EXPORTS)} (allowed: {', '.join(EXPORTS)})"
        )
    with RunReader(run_path) as run:
        if not any(choice.chosen for choice in run.all(Choice)):
            raise ConfigError(
                f"{run.path}: no response was chosen in this run, so there is nothing to write; "
                "choose with `idiolect build`"
            )
        return export_run(run, Path(output or run.path / f"{to}.jsonl"), to=to)


def export_run(run: Run | RunReader, output: Path, *, to: str) -> Exported:
    """Write the chosen responses in the order of the examples."""
    form = EXPORTS[to]
    config = yaml.safe_load(ended(run.path, "config.resolved.yaml"))
    _check_form(form, output, config)
    chosen = _chosen(run, config["target"]["thinking"])
    _check_examples(form, [example for example, _, _ in chosen])
    setting = _setting(run.path, form, config, output, chosen)
    rows = export_rows(chosen, to=to, setting=setting)
    write_rows(output, rows)
    files = form.files(setting) if rows else {}
    for name, text in files.items():
        write_atomically(output.parent / name, text)
    return Exported(
        path=output,
        rows=len(rows),
        files=tuple(output.parent / name for name in files),
        command=form.command(setting),
    )


def ended(run: Path, name: str) -> str:
    """Return the text of a file that a run writes when it ends.

    Raises:
        RunError: the run has not ended.
    """
    try:
        return (run / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(
            f"{run}: the run has not ended, so it has no {name}; run the same `build` again"
        ) from None


def _check_form(form: Form, output: Path, config: Mapping[str, Any]) -> None:
    suffixes = SUFFIXES if form.takes_parquet else SUFFIXES[:1]
    if output.suffix not in suffixes:
        raise ConfigError(
            f"--output {output}: found the suffix {output.suffix!r}, {form.name} takes "
            f"{' or '.join(suffixes)}; choose another name"
        )
    plain = config["target"]["format"]
    if plain and not form.takes_plain_format:
        able = [name for name, other in EXPORTS.items() if other.takes_plain_format]
        raise ConfigError(
            f"--to {form.name}: the run was made in the plain format {plain!r}, which its config "
            f"cannot hold; export to {' or '.join(able)}"
        )
    asked: Mapping[str, Any] = config["target"]["template_kwargs"]
    if form.template_arguments is not None and set(asked) - form.template_arguments:
        names = ", ".join(sorted(set(asked) - form.template_arguments))
        able = [name for name, other in EXPORTS.items() if other.template_arguments is None]
        raise ConfigError(
            f"--to {form.name}: the run was made with target.template_kwargs {names}, which its "
            f"config cannot hold, so other tokens would be trained than were scored; export to "
            f"{' or '.join(able)}"
        )


def _check_examples(form: Form, examples: Sequence[Example]) -> None:
    for example in examples:
        why = form.check(example)
        if why:
            raise DataError(
                f"{example.id}: {why}; remove the row, or export to another form than {form.name}"
            )


def _chosen(
    run: Run | RunReader, thinking: str
) -> list[tuple[Example, Candidate, dict[str, str | float | None]]]:
    candidates = {c.id: c for c in run.all(Candidate)}
    verdicts = {v.candidate_id: v for v in run.all(Verdict)}
    measurements = {m.candidate_id: m for m in run.all(Measurement) if m.context == "prompt"}
    chosen = {c.example_id: candidates[c.candidate_id] for c in run.all(Choice) if c.chosen}
    return [
        (
            example,
            _as_scored(candidate, thinking),
            _metadata(example, candidate, verdicts, measurements),
        )
        for example in run.all(Example)
        if (candidate := chosen.get(example.id)) is not None
    ]


def _as_scored(candidate: Candidate, thinking: str) -> Candidate:
    """Return a candidate with the text that was scored, so that the same is trained on."""
    if thinking != "strip":
        return candidate
    return dataclasses.replace(candidate, text=strip_thinking(candidate.text))


def _setting(
    run: Path,
    form: Form,
    config: Mapping[str, Any],
    output: Path,
    chosen: Sequence[tuple[Example, Candidate, Any]],
) -> Setting:
    target = config["target"]
    model = model_path(str(target["model"]))
    folder = Path(model)
    beside = [output.parent / name for name in form.merges]
    return Setting(
        # A trainer that starts elsewhere finds a folder by its full path only.
        model=str(folder.resolve()) if folder.is_dir() else model,
        revision=target["revision"],
        trust_remote_code=target["trust_remote_code"],
        data=output.name,
        longest=_longest(chosen, _context(run)),
        seed=config["seed"],
        template=PLAIN_FORMATS[target["format"]] if target["format"] else None,
        template_kwargs=target["template_kwargs"],
        beside={p.name: _mapping_text(p) for p in beside if p.is_file()},
    )


def _longest(chosen: Sequence[tuple[Example, Candidate, Any]], context: int | None) -> int:
    """Return a number of tokens that no row exceeds; no text has more tokens than bytes."""
    sizes = [
        sum(len(m.content.encode()) + _TEMPLATE_TOKENS for m in example.messages)
        + len(candidate.text.encode())
        + _TEMPLATE_TOKENS
        for example, candidate, _ in chosen
    ]
    bound = -(-max(sizes, default=512) // 512) * 512
    return min(bound, context) if context else bound


def _context(run: Path) -> int | None:
    """Return the context length that the run's manifest tells of the target."""
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except OSError:
        return None
    return manifest["target"].get("max_length")


def _mapping_text(path: Path) -> str:
    """Return the text of a JSON file that gets an entry of ours."""
    text = path.read_text(encoding="utf-8")
    try:
        is_mapping = isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        is_mapping = False
    if not is_mapping:
        raise ConfigError(
            f"{path}: found no JSON object to add an entry to; repair it or write to another folder"
        )
    return text


def _metadata(
    example: Example,
    candidate: Candidate,
    verdicts: Mapping[str, Verdict],
    measurements: Mapping[str, Measurement],
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
        "mean_nll": measurement.mean_nll if measurement else None,
    }
