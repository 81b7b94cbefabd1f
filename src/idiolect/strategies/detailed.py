"""`detailed`: the teacher expands the reference and keeps its wording as far as it can.

Source: the "detailed, keep original" control of arXiv 2402.11192, section 3. Deviations: where
there is no reference, the bare answer is shown.
"""

from idiolect.strategies.templated import hint, templated

__all__ = ["DETAILED"]

DETAILED = templated("detailed", "teacher", hint, sees=frozenset({"reference", "answer"}))
