"""`teacher`: a stronger model answers the prompt.

Source: the GPT-4 and Claude responses of arXiv 2402.11192, section 3. Deviations: the prompt
goes out as it is, without a request for a form of the answer; and the authors showed the gold
label on most tasks without saying so, while here the teacher sees the answer only with
`teacher.show_answer`.
"""

from collections.abc import Mapping

from idiolect.records import Example, Part
from idiolect.strategies.base import StrategyContext
from idiolect.strategies.templated import templated

__all__ = ["TEACHER", "seen_by_teacher"]


def seen_by_teacher(example: Example, context: StrategyContext) -> Mapping[Part, object]:
    """Return what the teacher is shown beside the prompt."""
    if context.config.teacher.show_answer and example.answer is not None:
        return {"answer": example.answer}
    return {}


TEACHER = templated("teacher", "teacher", seen_by_teacher, sees=frozenset({"answer"}))
