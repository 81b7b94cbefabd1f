"""What a command works with: an open run, and everything that its steps use."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.models.base import Model
from idiolect.models.generation import SAMPLER_VERSION
from idiolect.models.money import Money
from idiolect.pipeline.spending import payments, spending
from idiolect.records import Example, Payment, Spend
from idiolect.runs.manifest import write_manifest
from idiolect.runs.store import Run
from idiolect.scoring.base import Scorer
from idiolect.strategies import Strategy
from idiolect.strategies.wording import Wording
from idiolect.verification import NO_VERIFIER, Verifier
from idiolect.verification.self_test import SelfTest

__all__ = ["Job", "RunOptions"]

_GENERATION = "generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a command goes about its run."""

    fresh: bool = False
    """Forget an earlier run of this name."""

    retry_failed: bool = False
    """Try failed rows again."""

    allow_failing_references: bool = False
    """Go on where too few of the data's references verify."""

    confirm_run_unsafe_code: bool = False
    """Let `code` run the programs of responses in a sandbox."""

    teacher: Model | None = None
    """Answers in place of the teacher that the configuration names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An open run with everything that its steps use."""

    run: Run
    config: Config
    dataset: Dataset
    strategies: tuple[Strategy, ...]
    """In the order of their work, with those that others build upon."""

    options: RunOptions
    verifier: Verifier | None
    """None where nothing can be checked."""

    verifier_reason: str
    references: SelfTest | None
    """What the verifier made of the references; None without a verifier."""

    target: Any
    """A loaded `LocalModel`, or a `ServedTarget`."""

    scorer: Scorer
    scorer_reason: str
    teachers: Mapping[str | None, Model]
    """Those that strategies ask, by `Strategy.teacher`; None is the key of `teacher`."""

    judge: Model | None
    """What the verifier `judge` asks; None with any other."""

    money: Money
    wording: Wording
    recorded_verifier: str | None = None
    """Whose verdicts count that are in the run already, where nothing is checked anew."""

    began: float = field(default_factory=time.monotonic)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples that could be read."""
        return self.dataset.examples

    @property
    def verifier_name(self) -> str:
        """Name of the verifier, or `none`."""
        if self.verifier:
            return self.verifier.name
        return self.recorded_verifier or NO_VERIFIER

    @property
    def model(self) -> Model:
        """The target, as something that answers."""
        return self.target

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._close_models()
            self._log_notes()
        finally:
            self.money.close()
            self.run.close()

    def _close_models(self) -> None:
        """Wait for what is under way, while its payments can still be written down."""
        for model in (*self.teachers.values(), self.judge):
            close = getattr(model, "close", None)
            # What the caller brought is the caller's to close.
            if close is not None and model is not self.options.teacher:
                close()

    def _log_notes(self) -> None:
        """Log what servers said of the models that answered. It is known once they did."""
        for model in (*self.teachers.values(), self.judge):
            for note in getattr(model, "notes", ()):
                self.run.log("note", note)

    def note_generation(self) -> None:
        """Remember what made the target's answers, for as long as the run exists."""
        used = getattr(self.target, "generation", None)
        before: list[dict[str, str]] = self.run.recall(_GENERATION, [])
        if used and used not in before:
            self.run.note(_GENERATION, [*before, used])
            if before:
                self.run.log(
                    "warning",
                    f"the target's answers were made in several ways: {before[-1]['path']}, now "
                    f"{used['path']} ({used['why']})",
                )

    def write_manifest(self) -> None:
        """Write what the run was made with."""
        write_manifest(
            self.run.path / "manifest.json",
            {
                "target": {
                    "model": self.target.name,
                    "revision": self.target.revision,
                    "dtype": self.target.dtype,
                    "device": self.target.device,
                    "server_model": self.target.server_model,
                    "max_length": getattr(self.target, "max_length", None),
                    "template": self.target.chat.label,
                    "template_hash": self.target.chat.fingerprint,
                },
                "scoring": {
                    "path": self.scorer.path,
                    "why": self.scorer_reason,
                    "noise_nats_per_token": self.scorer.noise,
                },
                "generation": {
                    "sampler": SAMPLER_VERSION,
                    "paths": self.run.recall(_GENERATION, []),
                },
                "data": {
                    "source": self.dataset.source,
                    "fingerprint": self.dataset.fingerprint,
                    "examples": len(self.examples),
                    "problems": [problem.message for problem in self.dataset.problems],
                },
                "verifier": {"name": self.verifier_name, "why": self.verifier_reason},
                "teacher": _name(self.teachers[None]) if None in self.teachers else None,
                "teachers": {name: _name(each) for name, each in self.teachers.items() if name},
                "strategies": {
                    s.name: {
                        "writer": s.writer,
                        "sees": sorted(s.sees),
                        "prompts": {name: self.wording.hash_of(name) for name in s.prompts},
                    }
                    for s in self.strategies
                },
                "spend": spending(self.run.all(Spend)),
                "payments": payments(self.run.all(Payment)),
                "seed": self.config.seed,
            },
            seconds=time.monotonic() - self.began,
        )


def _name(model: Model) -> dict[str, str | None]:
    return {"model": model.name, "revision": model.revision}
