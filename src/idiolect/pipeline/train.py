"""`train`: an adapter from the chosen responses of a run, an exported file or any references."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import Config, DataConfig
from idiolect.data.read import read_dataset
from idiolect.errors import ConfigError, DataError
from idiolect.records import Candidate, Choice, Example
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import RunReader
from idiolect.training.rows import TrainingRow
from idiolect.training.train import TrainingResult, train
from idiolect.verification.overlap import find_overlap, require_no_overlap

__all__ = ["TrainedOn", "TrainingOutcome", "read_training_rows", "train_command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """Rows to train on, and where they come from."""

    source: str
    examples: tuple[Example, ...]
    """Of each row, with the response as its reference."""

    candidates: tuple[Candidate | None, ...]
    """Of each row, where a run chose it."""

    skipped: int
    """Examples without a response to train on."""

    @property
    def rows(self) -> list[TrainingRow]:
        """The rows for any target."""
        return [
            _row(example, candidate)
            for example, candidate in zip(self.examples, self.candidates, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutcome:
    """A trained adapter and what it was trained on, for the screen and for programs."""

    result: TrainingResult
    source: str
    rows: int
    skipped: int


def train_command(
    config: Config,
    *,
    test: Sequence[str] = (),
    merge: bool = False,
    fresh: bool = False,
    report: ProgressSink = ignore_progress,
) -> TrainingOutcome:
    """Train an adapter for the target.

    Args:
        config: `data.path` is a run directory of `build` or data; `training`, `target` and
            `seed` say how.
        test: Data whose prompts must not stand in the training data.
        merge: Write the merged model, too.
        fresh: Forget an earlier training in the output directory.
        report: Is told the steps.

    Raises:
        IdiolectError: see `errors`; checkpoints that were written are kept.
    """
    found = read_training_rows(config.data)
    for path in test:
        held_out = read_dataset(dataclasses.replace(config.data, path=path, limit=None))
        require_no_overlap(find_overlap(found.examples, held_out.examples))
    result = train(
        config.target,
        found.rows,
        config.training,
        config.output_dir or default_output(config),
        seed=config.seed,
        merge=merge,
        fresh=fresh,
        report=report,
    )
    return TrainingOutcome(
        result=result, source=found.source, rows=len(found.examples), skipped=found.skipped
    )


def default_output(config: Config) -> Path:
    """Return `runs/train-DATA-MODEL`."""
    data = Path(config.data.path or "data").stem
    return Path("runs") / f"train-{data}-{Path(config.target.model or 'model').name}"


def read_training_rows(data: DataConfig) -> TrainedOn:
    """Return what a run has chosen, or the references of a dataset (an export is one, too).

    Raises:
        ConfigError: there is no such run, or nothing was chosen in it.
        DataError: the data cannot be read, or no row has a response.
    """
    if data.path and (Path(data.path) / "run.sqlite").is_file():
        return _of_run(data)
    dataset = read_dataset(data)
    if dataset.problems:
        first, *others = dataset.problems
        raise DataError(first.message + (f" (and {len(others)} more rows)" if others else ""))
    kept = tuple(example for example in dataset.examples if example.reference is not None)
    if not kept:
        raise DataError(
            f"{dataset.source}: none of the {len(dataset.examples)} rows has a response to train "
            "on; name its column with --columns reference=COLUMN"
        )
    return TrainedOn(
        source=f"{dataset.source}: {'; '.join(dataset.mapping)}",
        examples=kept,
        candidates=(None,) * len(kept),
        skipped=len(dataset.examples) - len(kept),
    )


def _of_run(data: DataConfig) -> TrainedOn:
    with RunReader(data.path or "") as run:
        candidates = {c.id: c for c in run.all(Candidate)}
        chosen = {c.example_id: candidates[c.candidate_id] for c in run.all(Choice) if c.chosen}
        examples = run.all(Example)
    if not chosen:
        raise ConfigError(
            f"{data.path}: no response was chosen in this run, so there is nothing to train on; "
            "choose with `idiolect build`"
        )
    kept = [(e, chosen[e.id]) for e in examples if e.id in chosen][: data.limit]
    return TrainedOn(
        source=f"{data.path}: the chosen responses",
        examples=tuple(dataclasses.replace(e, reference=c.text, responses={}) for e, c in kept),
        candidates=tuple(candidate for _, candidate in kept),
        skipped=len(examples) - len(chosen),
    )


def _row(example: Example, candidate: Candidate | None) -> TrainingRow:
    return TrainingRow(
        messages=example.messages,
        response=example.reference or "",
        token_ids=candidate.token_ids if candidate else None,
        generated_by=candidate.revision if candidate else None,
        complete=candidate is None or candidate.finish_reason != "length",
    )
