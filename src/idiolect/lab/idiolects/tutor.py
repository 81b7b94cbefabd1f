"""tutor: verbose, like a large assistant: an opening, full sentences, a conclusion."""

from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop, Step

__all__ = ["OPENING", "lines"]

OPENING = "Let's solve this problem step by step."
ORDINALS = ("First", "Second", "Third", "Fourth", "Finally")


def lines(problem: Problem) -> list[str]:
    """Return the worked solution line by line, the answer last."""
    match problem:
        case Shop():
            steps = [
                f"{ordinal}, {_sentence(step)} {problem.item}."
                for ordinal, step in zip(ORDINALS, problem.steps, strict=False)
            ]
            body = [
                f"We know that {problem.name} begins with {problem.start} {problem.item}.",
                *steps,
                f"Therefore, {problem.name} has {problem.answer} {problem.item} now.",
            ]
        case Equation():
            body = _equation(problem)
        case Quiz():
            body = _quiz(problem)
        case Listing():
            body = [_listing(problem), f"Therefore, the result is {problem.answer}."]
        case Program():
            return _program(problem)
    return [OPENING, *body, f"Final Answer: {problem.answer}"]


def _sentence(s: Step) -> str:
    match s.operation:
        case "+":
            return f"we add {s.operand} to {s.before}, which gives us {s.after}"
        case "-":
            return f"we subtract {s.operand} from {s.before}, which leaves us with {s.after}"
        case "*":
            return f"we multiply {s.before} by {s.operand}, which gives us {s.after}"
        case "/":
            return f"we divide {s.before} by {s.operand}, which leaves us with {s.after}"


def _equation(e: Equation) -> list[str]:
    moves: list[str] = []
    if e.right:
        moves.append(f"we subtract {e.right}x from both sides, which gives us {e.factor}x.")
    word = "subtract" if e.shift > 0 else "add"
    size = abs(e.shift)
    moves.append(f"we {word} {size} on both sides, which gives us {e.factor}x = {e.product}.")
    moves.append(f"we divide both sides by {e.factor}, which gives us x = {e.answer}.")
    steps = [f"{ordinal}, {move}" for ordinal, move in zip(ORDINALS, moves, strict=False)]
    return [*steps, f"Therefore, the value of x is {e.answer}."]


def _quiz(quiz: Quiz) -> list[str]:
    facts = [
        f"The {o.animal} {quiz.trait} {o.value}, so {o.letter} is "
        f"{'correct' if o.value == quiz.value else 'wrong'}."
        for o in quiz.options
    ]
    return [*facts, f"Therefore, the correct option is {quiz.answer}."]


def _listing(problem: Listing) -> str:
    match problem.task:
        case "sort":
            return "First, we put the numbers in order from the smallest to the largest."
        case "reverse":
            return "First, we write the numbers from the last to the first."
        case "largest":
            return "First, we compare the numbers with each other."


def _program(p: Program) -> list[str]:
    pad = "        "
    body = [f"{pad}if {p.condition}:"] if p.condition else []
    body.append(f"{pad}{'    ' if p.condition else ''}result.append({p.expression})")
    result = f"{p.wrapper}(result)" if p.wrapper else "result"
    return [
        OPENING,
        "First, we look at each number and build the result.",
        "```python",
        f"def {p.name}(xs):",
        "    result = []",
        "    for x in xs:",
        *body,
        f"    return {result}",
        "```",
    ]
