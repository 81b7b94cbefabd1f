"""The teacher as a judge: it knows the problem, so it knows whether a response solves it.

A request to judge holds a JSON object with the texts `question` and `response`, on lines of its
own; the reply is the JSON object that the verifier `judge` asks for. Anything else is no such
request.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from idiolect.lab.answers import answer_of, is_right
from idiolect.lab.tasks import read
from idiolect.records import Message

__all__ = ["verdict"]

_OBJECT = re.compile(r"^\{$.*?^\}$", re.MULTILINE | re.DOTALL)


def verdict(messages: Sequence[Message], *, errs: bool = False) -> str | None:
    """Return a judgement, or None where none is asked for.

    Args:
        messages: The request.
        errs: Say the opposite of what is so.
    """
    data = _data(messages[-1].content) if messages else None
    if data is None or '"same"' not in messages[-1].content:
        return None
    response = str(data["response"])
    problems = read(str(data["question"]))
    said = "cannot tell"
    if problems:
        said = "yes" if is_right(problems[-1][1], response) is not errs else "no"
    answer = answer_of(response) or ""
    return json.dumps({"answer_of_response": answer, "same": said}, ensure_ascii=False)


def _data(text: str) -> dict[str, Any] | None:
    for found in _OBJECT.findall(text):
        try:
            tree = json.loads(found)
        except ValueError:
            continue
        if isinstance(tree, dict) and {"question", "response"} <= tree.keys():
            return tree
    return None
