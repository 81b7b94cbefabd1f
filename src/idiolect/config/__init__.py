"""`idiolect.yaml` as dataclasses, a file for each section."""

from idiolect.config.compare import CompareConfig
from idiolect.config.data import DataConfig
from idiolect.config.evaluation import EvaluationConfig
from idiolect.config.loading import load_config, parse_override, to_dict
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
from idiolect.config.study import StudyConfig, StudyDataset, StudyEvaluation, StudySplit
from idiolect.config.target import TargetConfig
from idiolect.config.teacher import HelperConfig, TeacherConfig
from idiolect.config.training import TrainingConfig
from idiolect.config.tree import Config

__all__ = [
    "CompareConfig",
    "Config",
    "ContinuationConfig",
    "DataConfig",
    "EvaluationConfig",
    "HelperConfig",
    "LadderConfig",
    "MinimalChangeConfig",
    "OwnConfig",
    "PriceConfig",
    "SelectionConfig",
    "SelfAlignedConfig",
    "StudyConfig",
    "StudyDataset",
    "StudyEvaluation",
    "StudySplit",
    "StyledConfig",
    "TargetConfig",
    "TeacherConfig",
    "TrainingConfig",
    "load_config",
    "parse_override",
    "to_dict",
]
