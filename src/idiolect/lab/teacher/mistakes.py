"""Plausible mistakes: the same problem, misread in one place, with another answer."""

import dataclasses

from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop, Step

__all__ = ["misread"]


def misread(problem: Problem) -> Problem:
    """Return a problem that differs in one place, and whose answer is never the right one."""
    match problem:
        case Shop():
            *before, last = problem.steps
            return dataclasses.replace(problem, steps=(*before, _other_step(last)))
        case Equation():
            return dataclasses.replace(problem, total=problem.total + problem.factor)
        case Quiz():
            wrong = next(o for o in problem.options if o.value != problem.value)
            return dataclasses.replace(problem, value=wrong.value)
        case Listing():
            most = max(problem.numbers)
            changed = tuple(n + 1 if n == most else n for n in problem.numbers)
            return dataclasses.replace(problem, numbers=changed)
        case Program():
            # Another kind of result fails the assertions whatever the numbers are.
            other = "sum" if problem.returns == "list" else "list"
            return dataclasses.replace(problem, returns=other)


def _other_step(step: Step) -> Step:
    if step.operation == "/":
        return dataclasses.replace(step, operation="*")
    return dataclasses.replace(step, operand=step.operand + 1)
