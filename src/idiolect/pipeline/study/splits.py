"""What a study trains on, chooses by, and is tested on: four roles that do not mix.

A split knows its role, and what may only see one role says so (`Split.need`). What the test split
says is looked at after every choice is made.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from idiolect.config import Config, StudyConfig, StudySplit
from idiolect.data.read import Dataset, read_dataset
from idiolect.errors import ConfigError, DataError
from idiolect.pipeline.drawing import drawn
from idiolect.records import Example, content_id
from idiolect.verification import NO_VERIFIER, Verifier, detect_verifier, get_verifier
from idiolect.verification.judge import Ask
from idiolect.verification.overlap import (
    Overlap,
    find_overlap,
    require_no_overlap,
    without_overlap,
)

__all__ = ["Role", "Split", "Splits", "held_out", "read_splits"]

Role = Literal["train", "validation", "test", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Examples with the one thing that they may be used for."""

    name: str
    role: Role
    examples: tuple[Example, ...]
    verifier: str
    why: str
    """Why this verifier."""

    def need(self, role: Role) -> "Split":
        """Return the split, if it has the role that somebody needs.

        Raises:
            ConfigError: it has another role.
        """
        if self.role != role:
            raise ConfigError(
                f"study: {self.name!r} is a {self.role} split; what was asked for may only see "
                f"a {role} split"
            )
        return self

    def open_verifier(self, *, confirm_run_unsafe_code: bool, judge: Ask | None) -> Verifier:
        """Return a new verifier for the answers to this split."""
        return get_verifier(
            self.verifier, confirm_run_unsafe_code=confirm_run_unsafe_code, ask=judge
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """All examples of a study."""

    train: Dataset
    validation: Split | None
    test: Split
    others: tuple[Split, ...]
    left_out: Mapping[str, tuple[Overlap, ...]] = field(
        default_factory=dict[str, tuple[Overlap, ...]]
    )
    """Why examples are no longer in the `training` and `validation` data, one reason each."""

    @property
    def words(self) -> list[str]:
        """What a reader should know of the data, one sentence a fact."""
        return [
            f"overlap: {len(found)} {name} examples were left out, because held-out prompts stand "
            f"in them; the first: {found[0].train_id} ~ {found[0].test_id} ({found[0].words})."
            for name, found in self.left_out.items()
        ]

    @property
    def reasons(self) -> list[str]:
        """Why each example was left out, one sentence an example."""
        return [
            f"{name} example {each.train_id} left out: {each.test_id} stands in it ({each.words})"
            for name, found in self.left_out.items()
            for each in found
        ]

    @property
    def held_out(self) -> list[Split]:
        """Every split that is answered and not trained on."""
        return [*([self.validation] if self.validation else []), self.test, *self.others]

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when any example outside the training data does."""
        return content_id(
            [[s.name, s.verifier, [repr(e) for e in s.examples]] for s in self.held_out]
        )


def read_splits(config: Config, dataset: Dataset | None = None) -> Splits:
    """Read all data of a study and check that no part stands in another.

    Raises:
        ConfigError: there is no test split, or a name is taken.
        DataError: data cannot be read, or held-out examples stand in the training data and that
            is refused.
    """
    study = config.study
    if study.test is None:
        raise ConfigError(
            "study.test: found nothing, expected the data of a test split, e.g. "
            "test: {data: {path: test.jsonl}}"
        )
    for name in study.others:
        if name in ("train", "validation", "test") or name.startswith("base-"):
            raise ConfigError(f"study.others: the name {name!r} is taken; choose another")
    whole = dataset or read_dataset(config.data)
    train, validation = held_out(whole, config)
    if study.validation is not None:
        validation = _read("validation", "validation", study.validation, config.verifier)
    splits = Splits(
        train=train,
        validation=validation,
        test=_read("test", "test", study.test, config.verifier),
        others=tuple(_read(name, "other", each) for name, each in study.others.items()),
    )
    return _apart(splits, study)


def held_out(whole: Dataset, config: Config) -> tuple[Dataset, Split | None]:
    """Take the validation examples out of the training data, drawn by the seed.

    Raises:
        ConfigError: too few would be left.
    """
    count = config.study.validation_examples
    if not count or config.study.validation is not None:
        return whole, None
    if count >= len(whole.examples):
        raise ConfigError(
            f"study.validation_examples: found {count}, but there are {len(whole.examples)} "
            "examples to train on; take fewer"
        )
    held = set(drawn((e.id for e in whole.examples), count, "validation", config.seed))
    inside = tuple(e for e in whole.examples if e.id in held)
    rest = tuple(e for e in whole.examples if e.id not in held)
    validation = _split("validation", "validation", inside, config.verifier)
    return dataclasses.replace(whole, examples=rest), validation


def _read(name: str, role: Role, config: StudySplit, verifier: str | None = None) -> Split:
    return _split(name, role, read_dataset(config.data).examples, config.verifier or verifier)


def _split(name: str, role: Role, examples: tuple[Example, ...], verifier: str | None) -> Split:
    found, why = (verifier, "asked for") if verifier else detect_verifier(examples)
    if found == NO_VERIFIER:
        raise ConfigError(
            f"study: the answers to {name!r} cannot be checked ({why}); name a verifier there"
        )
    return Split(name=name, role=role, examples=examples, verifier=found, why=why)


def _apart(splits: Splits, study: StudyConfig) -> Splits:
    """Let nothing be tested on that was trained on or chosen by: stop, or leave it out."""
    held, validation = [splits.test, *splits.others], splits.validation
    left_out: dict[str, tuple[Overlap, ...]] = {}
    if validation is not None:
        kept, found = _left("validation", validation.examples, held, study)
        validation = dataclasses.replace(validation, examples=kept)
        held.append(validation)
        left_out["validation"] = found
    kept, found = _left("training", splits.train.examples, held, study)
    left_out["training"] = found
    return dataclasses.replace(
        splits,
        train=dataclasses.replace(splits.train, examples=kept),
        validation=validation,
        left_out={name: overlaps for name, overlaps in left_out.items() if overlaps},
    )


def _left(
    name: str, examples: tuple[Example, ...], held: Sequence[Split], study: StudyConfig
) -> tuple[tuple[Example, ...], tuple[Overlap, ...]]:
    """Return the examples that no held-out prompt stands in, and why each other went."""
    left_out: list[Overlap] = []
    for split in held:
        if study.overlap == "refuse":
            require_no_overlap(
                find_overlap(examples, split.examples),
                allowed=study.allowed_overlap,
                held_out=split.name,
                inside=name,
                instead=f", leave them out of the {name} data with study.overlap=drop, or allow "
                "them by their ids with study.allowed_overlap",
            )
            continue
        kept, found = without_overlap(examples, split.examples, allowed=study.allowed_overlap)
        examples = tuple(kept)
        left_out += found
    if left_out and not examples:
        raise DataError(
            f"study.overlap: no {name} example is left, because the prompts of "
            f"{', '.join(split.name for split in held)} stand in all {len(left_out)}; take other "
            "data"
        )
    return examples, tuple(left_out)
