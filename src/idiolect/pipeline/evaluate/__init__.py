"""`evaluate`: a model answers test data, our verifiers check, and drift is measured."""

from idiolect.pipeline.evaluate.command import evaluate_command
from idiolect.pipeline.evaluate.outcome import DriftRow, EvaluationOutcome, SuiteRow, TaskRow

__all__ = ["DriftRow", "EvaluationOutcome", "SuiteRow", "TaskRow", "evaluate_command"]
