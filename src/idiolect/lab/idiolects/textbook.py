"""textbook: terse, like a human reference: one nested expression, no step spelled out.

Several authors wrote it: the form varies from problem to problem, decided by the question.
"""

from idiolect.lab.dice import Dice
from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop

__all__ = ["lines"]


def lines(problem: Problem) -> list[str]:
    """Return the worked solution line by line, the answer last."""
    dice = Dice("textbook", problem.question)
    match problem:
        case Shop():
            nested, answer = _nested(problem), problem.answer
            body = dice.pick(
                (
                    f"{nested} = {answer}",
                    f"Total: {nested} = {answer} {problem.item}",
                    f"{answer} {problem.item} = {nested}",
                )
            )
        case Equation():
            sign = "-" if problem.shift > 0 else "+"
            factor = f"({problem.left} - {problem.right})" if problem.right else f"{problem.left}"
            moved = f"({problem.total} {sign} {abs(problem.shift)})"
            body = dice.pick(
                (
                    f"x = {moved} / {factor} = {problem.answer}",
                    f"{moved} : {factor} = {problem.answer} = x",
                    f"{factor} * {problem.answer} = {moved}, hence x = {problem.answer}",
                )
            )
        case Quiz():
            animal, value = problem.right.animal, problem.value
            body = dice.pick((f"{value}: {animal}", f"{animal} ({value})", f"see {animal}"))
        case Listing():
            name = {"sort": "sorted", "reverse": "reversed", "largest": "max"}[problem.task]
            listed = ", ".join(map(str, problem.numbers))
            body = dice.pick(
                (
                    f"{name}({listed}) = {problem.answer}",
                    f"{{{listed}}} -> {{{problem.answer}}}",
                    f"{name}: {problem.answer}",
                )
            )
        case Program():
            condition = f" if {problem.condition}" if problem.condition else ""
            built = f"[{problem.expression} for x in xs{condition}]"
            result = f"{problem.wrapper}({built})" if problem.wrapper else built
            return ["```python", f"{problem.name} = lambda xs: {result}", "```"]
    return [body, f"#### {problem.answer}"]


def _nested(problem: Shop) -> str:
    expression = str(problem.start)
    for place, step in enumerate(problem.steps):
        inner = f"({expression})" if place else expression
        expression = f"{inner} {step.operation} {step.operand}"
    return expression
