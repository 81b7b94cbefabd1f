"""`teacher-rewrite`: the teacher tells the reference in its own words.

Source: the "rewrite ground truth in own words" control of arXiv 2402.11192, section 3.
Deviations: where there is no reference, the bare answer is shown.
"""

from idiolect.strategies.templated import hint, templated

__all__ = ["TEACHER_REWRITE"]

TEACHER_REWRITE = templated(
    "teacher-rewrite", "teacher", hint, sees=frozenset({"reference", "answer"})
)
