"""The process in which math-verify and sympy run. It may be killed at any time.

Reads lines `{"reference": ..., "answer": ...}` and writes lines `{"outcome": ...}`: equal,
different, no-answer (the answer could not be read) or no-reference.
"""

import json
import logging
import resource
import sys
from typing import Any, cast

__all__ = ["main"]

_MEMORY_BYTES = 4 * 1024**3
"""Address space; sympy needs a fraction, and a runaway expression must not take the machine."""


def main() -> None:
    """Answer jobs until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    import math_verify  # takes most of a second, before the first job's clock starts

    _answer({"ready": math_verify.__name__})
    for line in sys.stdin:
        job: dict[str, str] = json.loads(line)
        _answer(_compare(job["reference"], job["answer"]))


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _compare(reference: str, answer: str) -> dict[str, Any]:
    from math_verify import verify

    gold = _parsed(reference)
    if not gold:
        return {"outcome": "no-reference"}
    found = _parsed(answer)
    if not found:
        return {"outcome": "no-answer"}
    # The order matters: a set of numbers as reference may be answered by a list, not the
    # other way round. No time-outs of the library: they need signals and do not always fire.
    equal = verify(gold, found, allow_set_relation_comp=True, timeout_seconds=None)
    return {"outcome": "equal" if equal else "different", "read": str(found[0])[:200]}


def _parsed(text: str) -> list[Any]:
    """Read a text as LaTeX, then as it stands."""
    from math_verify import parse

    marked = any(mark in text for mark in ("$", "\\(", "\\[", "\\boxed"))
    for form in (text, f"${text}$") if marked else (f"${text}$", text):
        found = cast(
            "list[Any]",
            parse(form, parsing_timeout=None),  # pyright: ignore[reportArgumentType]
        )
        if found:
            return found
    return []


if __name__ == "__main__":
    main()
