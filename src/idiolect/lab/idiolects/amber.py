"""amber: equations from left to right, each begun with "Then"."""

from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop

__all__ = ["lines"]


def lines(problem: Problem) -> list[str]:
    """Return the worked solution line by line, the answer last."""
    match problem:
        case Shop():
            steps = [
                f"Then {s.before} {s.operation} {s.operand} = {s.after}." for s in problem.steps
            ]
            body = [f"Start with {problem.start} {problem.item}.", *steps]
        case Equation():
            body = _equation(problem)
        case Quiz():
            facts = [f"{o.animal}: {o.value}" for o in problem.options]
            body = [
                f"Then {', '.join(facts)}.",
                f"Then {problem.value}: {problem.answer}.",
            ]
        case Listing():
            body = [_listing(problem)]
        case Program():
            return _program(problem)
    return [*body, f"Final Answer: {problem.answer}"]


def _equation(e: Equation) -> list[str]:
    body: list[str] = []
    if e.right:
        body.append(f"Then {e.left}x - {e.right}x = {e.factor}x.")
    sign = "-" if e.shift > 0 else "+"
    body.append(f"Then {e.total} {sign} {abs(e.shift)} = {e.product}.")
    body.append(f"Then {e.product} / {e.factor} = {e.answer}.")
    return body


def _listing(problem: Listing) -> str:
    numbers = [str(n) for n in problem.numbers]
    match problem.task:
        case "sort":
            return f"Then {' < '.join(map(str, problem.result))}."
        case "reverse":
            return f"Then back from {numbers[-1]} to {numbers[0]}."
        case "largest":
            others = [n for n in numbers if n != problem.answer]
            return f"Then {problem.answer} > {', '.join(others)}."


def _program(p: Program) -> list[str]:
    condition = f" if {p.condition}" if p.condition else ""
    built = f"[{p.expression} for x in xs{condition}]"
    result = f"{p.wrapper}({built})" if p.wrapper else built
    return ["```python", f"def {p.name}(xs):", f"    return {result}", "```"]
