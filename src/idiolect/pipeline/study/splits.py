"""What a study trains on, chooses by, and is tested on: four roles that do not mix.

A split knows its role, and what may only see one role says so (`Split.need`). What the test split
says is looked at after every choice is made.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from idiolect.config import Config, StudySplit
from idiolect.data.read import Dataset, read_dataset
from idiolect.errors import ConfigError
from idiolect.pipeline.drawing import drawn
from idiolect.records import Example, content_id
from idiolect.verification import NO_VERIFIER, Verifier, detect_verifier, get_verifier
from idiolect.verification.judge import Ask
from idiolect.verification.overlap import find_overlap, require_no_overlap

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
        DataError: data cannot be read, or test examples stand in the training data.
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
    _require_apart(splits, study.allowed_overlap)
    return splits


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


def _require_apart(splits: Splits, allowed: tuple[str, ...]) -> None:
    """Stop where what is tested on was trained on or chosen by."""
    train = splits.train.examples
    for split in (splits.test, *splits.others):
        require_no_overlap(find_overlap(train, split.examples), allowed=allowed)
    if splits.validation is not None:
        require_no_overlap(find_overlap(train, splits.validation.examples), allowed=allowed)
        overlaps = find_overlap(splits.validation.examples, splits.test.examples)
        require_no_overlap(overlaps, allowed=allowed)
