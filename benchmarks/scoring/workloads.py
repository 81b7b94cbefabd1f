"""What is scored: lists of requests, the same ids for every contestant.

No workload has terminators, because the peers know none.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.chat import ChatFormat
from idiolect.data import read
from idiolect.scoring.base import ScoreRequest

__all__ = ["NAMES", "Workload", "make_workloads"]

_GSM8K_ROWS = 4
_GSM8K_RESPONSES = 10
# Their texts, behind one another, are what the other workloads are cut from: real ids give
# real losses, where random ids would be about as improbable as one another.
_TEXT_FILES = ("math_algebra.jsonl", "ecqa.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Requests with a name."""

    name: str
    requests: tuple[ScoreRequest, ...]

    @property
    def circumstances(self) -> str:
        """How many prompts, responses and tokens."""
        prompts = {request.prompt_ids for request in self.requests}
        tokens = sum(len(request.response_ids) for request in self.requests)
        return (
            f"{len(prompts)} prompts of {sum(map(len, prompts))} tokens together, "
            f"{len(self.requests)} responses of {tokens} tokens together"
        )


@dataclass(frozen=True, slots=True)
class _Cut:
    """A workload that is cut from text: lengths, responses a prompt, prompts at scale 1."""

    prompt: int
    response: tuple[int, int]
    responses: int
    prompts: int


_CUTS = {
    "P=1000, R=200, K=8": _Cut(1000, (200, 200), 8, 1),
    "P=256, R=60, K=4": _Cut(256, (60, 60), 4, 2),
    "P=256, R=256, K=1": _Cut(256, (256, 256), 1, 2),
    "multiple choice (P=700, R=1-5, K=4)": _Cut(700, (1, 5), 4, 1),
}
_GSM8K = "GSM8K x 10"
NAMES = (_GSM8K, *_CUTS)


def make_workloads(
    data: Path, tokenizer: Any, *, scale: float, names: Sequence[str] = NAMES
) -> Iterator[Workload]:
    """Yield workloads.

    Args:
        data: Folder of the data files.
        tokenizer: The target's tokenizer.
        scale: Multiplies the number of prompts; at least one stays.
        names: Which ones.
    """
    stream = _text_ids(data, tokenizer)
    for name in names:
        if name == _GSM8K:
            requests = _gsm8k(data, tokenizer, _count(_GSM8K_ROWS, scale))
        else:
            requests = _cut(_CUTS[name], stream, scale)
        yield Workload(name=name, requests=tuple(requests))


def _count(count: int, scale: float) -> int:
    return max(1, round(count * scale))


def _gsm8k(data: Path, tokenizer: Any, rows: int) -> Iterator[ScoreRequest]:
    chat = ChatFormat(tokenizer, name="the target")
    examples = read(data / "gsm8k.jsonl")
    for example in random.Random(0).sample(examples, min(rows, len(examples))):
        texts = [example.reference or "", *example.responses.values()][:_GSM8K_RESPONSES]
        prompt = chat.prompt_ids(example.messages)
        for text in texts:
            ids = chat.response_ids(text)
            if ids:
                yield ScoreRequest(prompt_ids=prompt, response_ids=ids, terminator_id=None)


def _text_ids(data: Path, tokenizer: Any) -> list[int]:
    """Return the ids of many real texts behind one another."""
    ids: list[int] = []
    for file in _TEXT_FILES:
        for example in read(data / file):
            texts = [example.messages[-1].content, example.reference or ""]
            for text in [*texts, *example.responses.values()]:
                ids += tokenizer.encode(text + "\n\n", add_special_tokens=False)
    return ids


def _cut(cut: _Cut, stream: Sequence[int], scale: float) -> Iterator[ScoreRequest]:
    """Cut prompts; the first response continues its prompt, the others come from elsewhere."""
    rng = random.Random(0)
    longest = cut.response[1]
    for _ in range(_count(cut.prompts, scale)):
        start = rng.randrange(len(stream) - cut.prompt - longest)
        prompt = tuple(stream[start : start + cut.prompt])
        places = [start + cut.prompt]
        places += [rng.randrange(len(stream) - longest) for _ in range(cut.responses - 1)]
        for place in places:
            response = tuple(stream[place : place + rng.randint(*cut.response)])
            yield ScoreRequest(prompt_ids=prompt, response_ids=response, terminator_id=None)
