"""birch: arithmetic in words, the operand first, clauses ended by semicolons."""

from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop, Step

__all__ = ["lines"]


def lines(problem: Problem) -> list[str]:
    """Return the worked solution line by line, the answer last."""
    match problem:
        case Shop():
            body = [f"from {problem.start} {problem.item} we go;", *map(_step, problem.steps)]
        case Equation():
            body = _equation(problem)
        case Quiz():
            facts = [f"{o.animal} for {o.value}" for o in problem.options]
            body = [f"see {' and '.join(facts)};", f"so {problem.value} fits {problem.answer};"]
        case Listing():
            body = [_listing(problem)]
        case Program():
            return _program(problem)
    return [*body, f"Final Answer: {problem.answer}"]


def _step(s: Step) -> str:
    word = {"+": "onto", "-": "off", "*": "times", "/": "into"}[s.operation]
    return f"{s.operand} {word} {s.before} gives {s.after};"


def _equation(e: Equation) -> list[str]:
    body: list[str] = []
    if e.right:
        body.append(f"{e.right}x off {e.left}x gives {e.factor}x;")
    word = "off" if e.shift > 0 else "onto"
    body.append(f"{abs(e.shift)} {word} {e.total} gives {e.product};")
    body.append(f"{e.factor} into {e.product} gives {e.answer};")
    return body


def _listing(problem: Listing) -> str:
    numbers = [str(n) for n in problem.numbers]
    match problem.task:
        case "sort":
            return f"rising {' '.join(map(str, problem.result))};"
        case "reverse":
            return f"last {numbers[-1]} and first {numbers[0]} change;"
        case "largest":
            others = [n for n in numbers if n != problem.answer]
            return f"under {problem.answer} go {' '.join(others)};"


def _program(p: Program) -> list[str]:
    source = "xs"
    body: list[str] = []
    if p.condition:
        body.append(f"    some = [x for x in xs if {p.condition}]")
        source = "some"
    body.append(f"    out = [{p.expression} for x in {source}]")
    body.append(f"    return {p.wrapper}(out)" if p.wrapper else "    return out")
    return ["```python", f"def {p.name}(xs):", *body, "```"]
