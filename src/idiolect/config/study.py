"""`study`: which datasets are trained on and compared, and on what they are tested."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from idiolect.config.base import FORBID
from idiolect.config.data import DataConfig

__all__ = ["StudyConfig", "StudyDataset", "StudyEvaluation", "StudySplit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDataset:
    """One dataset of a study: a response for each prompt."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    strategies: tuple[str, ...]
    """One strategy, or several of which the most familiar correct response is taken."""

    correct_only: bool | None = None
    """Leave out responses that do not verify. False trains on them, to see what that does; None
    takes `study.correct_only`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySplit:
    """Examples that are answered and never trained on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    data: DataConfig
    """Where the examples come from."""

    verifier: str | None = None
    """None: for `validation` and `test` the `verifier` of the training data; where that is None,
    and for others, chosen from what the examples hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEvaluation:
    """How the base model and the adapters answer."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    samples: int = 1
    """Answers of each example; more than one needs a temperature."""

    temperature: float = 0.0
    """0 is greedy, and then one sample is all there is."""

    top_p: float = 1.0
    """Sample from the most probable tokens that together have this probability."""

    max_new_tokens: int = 512
    """Longest answer, in tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """Which datasets are compared, and on what."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    datasets: dict[str, StudyDataset] = field(default_factory=dict[str, StudyDataset])
    """Name -> what is trained on."""

    correct_only: bool = True
    """Of the datasets that do not say it themselves."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Every dataset is trained with each of them."""

    learning_rates: tuple[float, ...] = ()
    """Each is tried for every dataset, and the best on validation is taken; empty takes the one
    of `training`."""

    checkpoints: int = 1
    """Adapters of a training that are tried on validation; 1 takes the last."""

    examples: int | None = None
    """Train on this many of the prompts that all datasets have; None takes all."""

    validation: StudySplit | None = None
    """None takes `validation_examples` of the training data, which are then not trained on."""

    validation_examples: int = 0
    """Only used where there is no `validation`. Needed for several learning rates
    or checkpoints."""

    test: StudySplit | None = None
    """The task that is trained: gain."""

    others: dict[str, StudySplit] = field(default_factory=dict[str, StudySplit])
    """Other tasks: forgetting."""

    evaluation: StudyEvaluation = field(default_factory=StudyEvaluation)
    base_runs: int = 2
    """How often the base model answers, for the noise of the evaluation itself."""

    drift_examples: int = 32
    """Test examples on whose prompts each adapter's drift from the base model is measured;
    0 measures none."""

    overlap: Literal["refuse", "drop"] = "refuse"
    """What to do where held-out prompts stand in the training data, or those of `test` and `others`
    in the validation data: `refuse` stops, `drop` leaves those examples out and counts them."""

    allowed_overlap: tuple[str, ...] = ()
    """Ids of held-out examples that may stand in the training or validation data."""
