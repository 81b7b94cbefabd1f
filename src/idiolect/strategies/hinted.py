"""`hinted`: the target solves the task with the reference, or the bare answer, before its eyes.

Source: the rationalisation step of STaR (arXiv 2203.14465, section 3.2), which shows the answer
where the model failed without it. Deviations: a reference is shown where there is one, all
examples are asked, not only the failed ones (the ladder does that), and the prompt asks for a
solution that does not mention the hint, which lint checks.
"""

from idiolect.strategies.templated import hint, templated

__all__ = ["HINTED"]

HINTED = templated("hinted", "target", hint, sees=frozenset({"reference", "answer"}))
