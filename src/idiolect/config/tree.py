"""The whole configuration."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from idiolect.config.base import FORBID
from idiolect.config.compare import CompareConfig
from idiolect.config.data import DataConfig
from idiolect.config.evaluation import EvaluationConfig
from idiolect.config.prices import PriceConfig
from idiolect.config.selection import SelectionConfig
from idiolect.config.self_aligned import SelfAlignedConfig
from idiolect.config.strategies import (
    ContinuationConfig,
    LadderConfig,
    MinimalChangeConfig,
    OwnConfig,
    StyledConfig,
)
from idiolect.config.study import StudyConfig
from idiolect.config.target import TargetConfig
from idiolect.config.teacher import HelperConfig, TeacherConfig
from idiolect.config.training import TrainingConfig

__all__ = ["Config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a command needs to know."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    data: DataConfig = field(default_factory=DataConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    teachers: dict[str, TeacherConfig] = field(default_factory=dict[str, TeacherConfig])
    """Further teachers. A strategy with `@NAME` behind its name asks this one, e.g.
    `teacher@mini`."""

    judge: HelperConfig = field(default_factory=HelperConfig)
    """The model that the verifier `judge` asks."""

    prices: dict[str, PriceConfig] = field(default_factory=dict[str, PriceConfig])
    """Prices by model, where the built-in table does not know them or is out of date."""

    strategies: tuple[str, ...] = ()
    """Names of strategies; empty takes the command's default."""

    own: OwnConfig = field(default_factory=OwnConfig)
    minimal_change: MinimalChangeConfig = field(default_factory=MinimalChangeConfig)
    continuation: ContinuationConfig = field(default_factory=ContinuationConfig)
    styled: StyledConfig = field(default_factory=StyledConfig)
    ladder: LadderConfig = field(default_factory=LadderConfig)
    prompts: dict[str, str] = field(default_factory=dict[str, str])
    """Prompts of strategies that are worded otherwise: name -> file or text (Jinja)."""

    verifier: str | None = None
    """None: chosen from what the examples hold."""

    measures: tuple[str, ...] = ("perplexity", "bits-per-byte", "length")
    """Familiarity measures; `ifd` scores every response a second time, without its prompt,
    `local` and `self-aligned` score it several times more."""

    self_aligned: SelfAlignedConfig = field(default_factory=SelfAlignedConfig)
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    compare: CompareConfig = field(default_factory=CompareConfig)
    study: StudyConfig = field(default_factory=StudyConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0
    """Decides every draw."""

    max_cost: float | None = None
    """Hard cap on what a command pays, in US dollars."""

    output_dir: str | None = None
    """The run directory; None makes a name of command, data and model below `runs`."""
