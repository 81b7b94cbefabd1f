"""`step-by-step`: the teacher turns the reference into a solution in steps.

Source: the "step by step" control of arXiv 2402.11192, section 3, in the form of the first
paper, which shows the reference (the follow-up does not). Deviations: where there is no
reference, the bare answer is shown.
"""

from idiolect.strategies.templated import hint, templated

__all__ = ["STEP_BY_STEP"]

STEP_BY_STEP = templated("step-by-step", "teacher", hint, sees=frozenset({"reference", "answer"}))
