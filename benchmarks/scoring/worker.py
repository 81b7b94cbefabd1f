"""One contestant in a process of its own, so that its peak memory is its own.

Reads one JSON object a line and answers each with one: `prepare` (settings for a file of
requests), `run` (seconds and sums), `end`. Between lines it sleeps. Contestant `gemm` loads
no weights and measures the machine; `float64` is the reference of all errors.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import forget_peak, memory_bytes
from benchmarks.process import open_answers
from benchmarks.scoring.contestants import CONTESTANTS, Contestant, Subject, Sum
from benchmarks.scoring.limits import ModelShape, gemm_peak
from idiolect.models.memory import settle
from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.plain import PlainScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the worker is started with."""

    contestant: str
    model: str
    threads: int
    keeps_pages: bool


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    answer = open_answers()
    torch.set_num_threads(order.threads)
    torch.manual_seed(0)

    if order.contestant == "gemm":
        _measure_machine(answer)
    else:
        _compete(order, answer)


def _measure_machine(answer: Any) -> None:
    answer(settings="")
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "end":
            return
        answer(flop_per_second=gemm_peak(command["shapes"]))


def _compete(order: Order, answer: Any) -> None:
    subject = _subject(order)
    if order.keeps_pages:
        settle(subject.module)
    contestant: Contestant = (
        _Reference(subject)
        if order.contestant == "float64"
        else CONTESTANTS[order.contestant](subject)
    )
    answer(
        settings=contestant.settings,
        shape=asdict(ModelShape.of(subject.module)),
        loaded_bytes=memory_bytes("VmRSS"),
    )
    requests: list[ScoreRequest] = []
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "end":
            return
        if command["do"] == "prepare":
            requests = _requests(Path(command["file"]))
            contestant.prepare(requests)
            forget_peak()
            answer(settings=contestant.settings)
        else:
            began, began_cpu = time.perf_counter(), time.process_time()
            sums = contestant.run(requests)
            answer(
                seconds=time.perf_counter() - began,
                cpu_seconds=time.process_time() - began_cpu,
                nlls=[found.nll for found in sums],
                tokens=[found.tokens for found in sums],
                peak_bytes=memory_bytes("VmHWM"),
            )


def _subject(order: Order) -> Subject:
    import transformers

    transformers.logging.set_verbosity_error()
    module: Any = transformers.AutoModelForCausalLM.from_pretrained(
        order.model, dtype=torch.float32, use_safetensors=True
    )
    module.eval().requires_grad_(False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(order.model)
    return Subject(module, tokenizer, module.config.get_text_config().max_position_embeddings)


class _Reference:
    """The plain path in float64."""

    settings = "plain, float64"

    def __init__(self, subject: Subject) -> None:
        self._scorer = PlainScorer(subject.module.double(), subject.max_length)

    def prepare(self, requests: Sequence[ScoreRequest]) -> None:
        pass

    def run(self, requests: Sequence[ScoreRequest]) -> list[Sum]:
        return [Sum(score.nll, score.tokens) for score in self._scorer.score(requests)]


def _requests(file: Path) -> list[ScoreRequest]:
    return [
        ScoreRequest(prompt_ids=tuple(prompt), response_ids=tuple(response), terminator_id=None)
        for prompt, response in json.loads(file.read_text())
    ]


if __name__ == "__main__":
    main()
