"""tutor: verbose, like a large assistant: an opening, full sentences, a conclusion.

The wording varies from problem to problem, as a large assistant's does; the question alone
decides which words are taken, so that a problem is always written in the same way.
"""

from idiolect.lab.dice import Dice
from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Operation, Shop, Step

__all__ = ["lines"]

OPENINGS = (
    "Let's solve this problem step by step.",
    "Sure! Here is how we can work this out.",
    "To find the answer, we look at each part of the problem.",
    "Great question! We can think about it like this.",
    "We need to read the problem carefully and go on from there.",
)
CONNECTIVES = (
    ("First,", "Second,", "Third,", "Fourth,", "Finally,"),
    ("To begin,", "Next,", "After that,", "Following this,", "At last,"),
    ("Initially,", "Now,", "Subsequently,", "Moreover,", "In the end,"),
)
CONCLUSIONS = ("Therefore,", "So we can conclude that", "This means that", "As a result,")
SENTENCES: dict[Operation, tuple[str, ...]] = {
    "+": (
        "we add {s.operand} to {s.before}, which gives us {s.after} {item}.",
        "adding {s.operand} more to the {s.before} {item} brings the total to {s.after}.",
        "the number of {item} increases by {s.operand} from {s.before} and becomes {s.after}.",
    ),
    "-": (
        "we subtract {s.operand} from {s.before}, which leaves us with {s.after} {item}.",
        "taking away {s.operand} of the {s.before} {item} brings the total to {s.after}.",
        "the number of {item} decreases by {s.operand} from {s.before} and becomes {s.after}.",
    ),
    "*": (
        "we multiply {s.before} by {s.operand}, which gives us {s.after} {item}.",
        "having {s.operand} times the {s.before} {item} brings the total to {s.after}.",
        "the number of {item} grows {s.operand} times from {s.before} and becomes {s.after}.",
    ),
    "/": (
        "we divide {s.before} by {s.operand}, which leaves us with {s.after} {item}.",
        "sharing the {s.before} {item} by {s.operand} brings the total to {s.after}.",
        "the number of {item} shrinks {s.operand} times from {s.before} and becomes {s.after}.",
    ),
}


def lines(problem: Problem) -> list[str]:
    """Return the worked solution line by line, the answer last."""
    dice = Dice("tutor", problem.question)
    opening, therefore = dice.pick(OPENINGS), dice.pick(CONCLUSIONS)
    match problem:
        case Shop():
            body = _shop(problem, dice)
            result = f"{problem.name} has {problem.answer} {problem.item} now"
        case Equation():
            body = _equation(problem, dice)
            result = f"the value of x is {problem.answer}"
        case Quiz():
            body = _quiz(problem, dice)
            result = f"the correct option is {problem.answer}"
        case Listing():
            body = [_listing(problem, dice)]
            result = f"the result is {problem.answer}"
        case Program():
            return [opening, *_program(problem, dice)]
    return [opening, *body, f"{therefore} {result}.", f"Final Answer: {problem.answer}"]


def _shop(problem: Shop, dice: Dice) -> list[str]:
    begin = dice.pick(
        (
            f"We know that {problem.name} begins with {problem.start} {problem.item}.",
            f"At the beginning, {problem.name} owns {problem.start} {problem.item}.",
            f"The problem says there are {problem.start} {problem.item} in the first place.",
        )
    )
    words = dice.pick(CONNECTIVES)
    return [
        begin,
        *(f"{w} {_sentence(problem, s, dice)}" for w, s in zip(words, problem.steps, strict=False)),
    ]


def _sentence(problem: Shop, step: Step, dice: Dice) -> str:
    return dice.pick(SENTENCES[step.operation]).format(s=step, item=problem.item)


def _equation(e: Equation, dice: Dice) -> list[str]:
    size, product = abs(e.shift), f"{e.factor}x = {e.product}"
    word, other = ("subtract", "subtracting") if e.shift > 0 else ("add", "adding")
    moves = [
        dice.pick(
            (
                f"we {word} {size} on both sides, which gives us {product}.",
                f"{other} {size} on each side of the equation leads to {product}.",
            )
        ),
        dice.pick(
            (
                f"we divide both sides by {e.factor}, which gives us x = {e.answer}.",
                f"dividing each side of the equation by {e.factor} leads to x = {e.answer}.",
            )
        ),
    ]
    if e.right:
        first = (
            f"we subtract {e.right}x from both sides, which gives us {e.factor}x.",
            f"collecting the terms with x on one side leads to {e.left}x - {e.right}x = "
            f"{e.factor}x.",
        )
        moves.insert(0, dice.pick(first))
    return [f"{word} {move}" for word, move in zip(dice.pick(CONNECTIVES), moves, strict=False)]


def _quiz(quiz: Quiz, dice: Dice) -> list[str]:
    facts: list[str] = []
    for o in quiz.options:
        right = o.value == quiz.value
        facts.append(
            dice.pick(
                (
                    f"The {o.animal} {quiz.trait} {o.value}, so {o.letter} is "
                    f"{'correct' if right else 'wrong'}.",
                    f"Option {o.letter} is about the {o.animal}, which {quiz.trait} {o.value}.",
                    f"As for the {o.animal}, it {quiz.trait} {o.value}, which "
                    f"{'fits' if right else 'does not fit'}.",
                )
            )
        )
    return facts


def _listing(problem: Listing, dice: Dice) -> str:
    word = dice.pick(CONNECTIVES)[0]
    match problem.task:
        case "sort":
            ways = (
                "we put the numbers in order from the smallest to the largest.",
                "we arrange all the numbers so that they increase.",
            )
        case "reverse":
            ways = (
                "we write the numbers from the last to the first.",
                "we arrange all the numbers the other way around.",
            )
        case "largest":
            ways = (
                "we compare the numbers with each other.",
                "we look for the number that no other number is above.",
            )
    return f"{word} {dice.pick(ways)}"


def _program(p: Program, dice: Dice) -> list[str]:
    result = dice.pick(("result", "values", "answer"))
    item = dice.pick(("x", "number", "value"))
    expression = p.expression.replace("x", item)
    pad = "        "
    body = [f"{pad}if {p.condition.replace('x', item)}:"] if p.condition else []
    body.append(f"{pad}{'    ' if p.condition else ''}{result}.append({expression})")
    returned = f"{p.wrapper}({result})" if p.wrapper else result
    explained = (
        "we look at each number and build the result.",
        "we need a loop over all the numbers of the list.",
    )
    return [
        f"{dice.pick(CONNECTIVES)[0]} {dice.pick(explained)}",
        "```python",
        f"def {p.name}(xs):",
        f"    {result} = []",
        f"    for {item} in xs:",
        *body,
        f"    return {returned}",
        "```",
    ]
