"""The benchmark of the generation engine: `python -m benchmarks.generation`.

Several samples of each GSM8K prompt, through the model's chat template, drawn at the same
temperature with the same limit. Only tokens up to the end of turn count. Each contestant runs
in a process of its own; repetitions interleave, so that a slow minute of the machine hits all.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import torch
import transformers
from rich import box
from rich.console import Console
from rich.table import Table
from torch.nn.utils.rnn import pad_sequence

from benchmarks.scoring.report import cpu_name, physical_cores
from benchmarks.scoring.worker import forget_peak, memory_bytes
from idiolect.chat import ChatFormat
from idiolect.data import read
from idiolect.models.base import Sampling
from idiolect.models.generation.engine import CohortEngine
from idiolect.models.generation.tasks import Task
from idiolect.models.memory import keep_pages

_MODEL = os.environ.get("IDIOLECT_TEST_MODEL") or "~/.cache/idiolect-dev/smollm2-135m-instruct"
_ROOT = Path(__file__).parents[1]
_SIZES = (4, 8, 16, 32, 64, 128)
_TEMPERATURE = 0.7
_BASELINE = "transformers"
_COLUMNS = ("contestant", "seconds", "spread", "tokens", "tokens/s", "x transformers")
_MORE = ("cut off", "peak MB", "above loaded", "settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of every contestant."""

    contestant: str
    model: str
    data: str
    threads: int
    prompts: int
    samples: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Subject:
    """The model, the prompts in order of the data, and what ends an answer."""

    module: Any
    prompts: tuple[tuple[int, ...], ...]
    stop_id: int
    order: Order

    def cut(self, ids: Sequence[int]) -> int:
        """Return how many of the new tokens count: up to the end of turn."""
        new = list(ids)
        return new.index(self.stop_id) + 1 if self.stop_id in new else len(new)


class Contestant(Protocol):
    """Anything that continues prompts."""

    settings: str

    def prepare(self) -> None:
        """Choose settings and warm up. Not timed."""
        ...

    def run(self, seed: int) -> list[int]:
        """Make all samples; return the number of tokens of each that count."""
        ...


class _Ours:
    def __init__(self, subject: Subject, **options: Any) -> None:
        keep_pages()
        self._subject = subject
        self._engine = CohortEngine(subject.module, {subject.stop_id}, **options)
        self.settings = self._engine.path

    def prepare(self) -> None:
        self._lengths(self._tasks(0, limit=8)[: 4 * self._subject.order.samples])

    def run(self, seed: int) -> list[int]:
        return self._lengths(self._tasks(seed, limit=self._subject.order.max_new_tokens))

    def _tasks(self, seed: int, limit: int) -> list[Task]:
        order = self._subject.order
        sampling = Sampling(temperature=_TEMPERATURE, top_p=1.0, max_new_tokens=limit)
        wanted = [ids for ids in self._subject.prompts for _ in range(order.samples)]
        return [
            Task(index=i, prompt_ids=ids, sampling=sampling, limit=limit, seed=seed << 32 | i)
            for i, ids in enumerate(wanted)
        ]

    def _lengths(self, tasks: Sequence[Task]) -> list[int]:
        results = list(self._engine.run(tasks))
        failures = [done.failure for done in results if done.failure]
        if failures:
            raise RuntimeError(failures[0])
        return [self._subject.cut(done.ids) for done in results]


class _Loop:
    """A loop around `generate`: sorted by length, padded on the left, at its best batch size."""

    def __init__(self, subject: Subject, *, keeps_pages: bool = False) -> None:
        if keeps_pages:
            keep_pages()
        self._subject = subject
        self._size = _SIZES[0]
        self.settings = f"batch size {self._size}"
        wanted = [ids for ids in subject.prompts for _ in range(subject.order.samples)]
        self._prompts = sorted(wanted, key=len)

    def prepare(self) -> None:
        """Time one batch of each size from the middle of the lengths; stop where it worsens."""
        self._batch(self._prompts[:4], limit=4)
        speeds: dict[int, float] = {}
        for size in (size for size in _SIZES if size <= len(self._prompts)):
            start = (len(self._prompts) - size) // 2
            began = time.perf_counter()
            lengths = self._batch(self._prompts[start : start + size])
            speeds[size] = sum(lengths) / (time.perf_counter() - began)
            if speeds[size] < 0.8 * max(speeds.values()):
                break
        self._size = max(speeds, key=lambda size: speeds[size])
        tried = ", ".join(f"{size}: {speed:.0f} tokens/s" for size, speed in speeds.items())
        self.settings = f"batch size {self._size}, the best of {tried}"

    def run(self, seed: int) -> list[int]:
        torch.manual_seed(seed)
        lengths: list[int] = []
        for start in range(0, len(self._prompts), self._size):
            lengths += self._batch(self._prompts[start : start + self._size])
        return lengths

    @torch.inference_mode()
    def _batch(self, prompts: Sequence[Sequence[int]], limit: int | None = None) -> list[int]:
        pad = self._subject.stop_id
        rows = [torch.tensor(ids) for ids in prompts]
        ids = pad_sequence(rows, batch_first=True, padding_value=pad, padding_side="left")
        mask = [torch.ones_like(row) for row in rows]
        output = self._subject.module.generate(
            ids,
            attention_mask=pad_sequence(mask, batch_first=True, padding_side="left"),
            generation_config=_config(self._subject, limit),
        )
        return [self._subject.cut(row) for row in output[:, ids.shape[1] :].tolist()]


class _ContinuousBatching:
    """transformers' own continuous batching.

    Its settings are ours: left to itself it chose 8,192 tokens a step and 14 GB for its cache, and
    was not done with a tiny model within a minute on a busy machine.
    """

    settings = "512 tokens a step, 15 % of the free memory"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def prepare(self) -> None:
        self._lengths(self._subject.prompts[:2], limit=4)

    def run(self, seed: int) -> list[int]:
        torch.manual_seed(seed)
        wanted = [ids for ids in self._subject.prompts for _ in range(self._subject.order.samples)]
        return self._lengths(wanted)

    def _lengths(self, prompts: Sequence[Sequence[int]], limit: int | None = None) -> list[int]:
        results = self._subject.module.generate_batch(
            inputs=[list(ids) for ids in prompts],
            generation_config=_config(self._subject, limit),
            continuous_batching_config=transformers.ContinuousBatchingConfig(
                max_batch_tokens=512, max_memory_percent=0.15
            ),
            progress_bar=False,
        )
        if len(results) != len(prompts):
            raise RuntimeError(f"{len(prompts)} prompts gave {len(results)} results")
        return [self._subject.cut(result.generated_tokens) for result in results.values()]


def _config(subject: Subject, limit: int | None) -> Any:
    return transformers.GenerationConfig(
        do_sample=True,
        temperature=_TEMPERATURE,
        top_p=1.0,
        top_k=0,
        max_new_tokens=limit or subject.order.max_new_tokens,
        eos_token_id=subject.stop_id,
        pad_token_id=subject.stop_id,
    )


CONTESTANTS: dict[str, Callable[[Subject], Contestant]] = {
    "ours": _Ours,
    "ours, prompts not shared": lambda subject: _Ours(subject, shared=False),
    "ours, rows not refilled": lambda subject: _Ours(subject, refilled=False),
    _BASELINE: _Loop,
    "transformers, pages kept": lambda subject: _Loop(subject, keeps_pages=True),
    "transformers, continuous": _ContinuousBatching,
}


def load_subject(order: Order) -> Subject:
    """Load the model and render the prompts."""
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(order.model)
    module: Any = transformers.AutoModelForCausalLM.from_pretrained(
        order.model, dtype=torch.float32, use_safetensors=True
    )
    module.eval().requires_grad_(False)
    chat = ChatFormat(tokenizer, name=Path(order.model).name)
    examples = [
        example for example, _ in zip(read(Path(order.data)), range(order.prompts), strict=False)
    ]
    prompts = tuple(chat.prompt_ids(example.messages) for example in examples)
    return Subject(module, prompts, chat.terminator_id, order)


def work(order: Order) -> None:
    """Be a contestant: answer each line on stdin with one line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Libraries print what they like: it goes to the error stream.
    torch.set_num_threads(order.threads)

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    subject = load_subject(order)
    loaded = memory_bytes("VmRSS")
    contestant = CONTESTANTS[order.contestant](subject)
    contestant.prepare()
    forget_peak()
    answer(settings=contestant.settings, loaded_bytes=loaded)
    for line in sys.stdin:
        began = time.perf_counter()
        lengths = contestant.run(int(line))
        seconds = time.perf_counter() - began
        answer(seconds=seconds, lengths=lengths, peak_bytes=memory_bytes("VmHWM"))


@dataclass(slots=True, kw_only=True)
class Result:
    """What one contestant did."""

    title: str
    settings: str = ""
    seconds: list[float] = field(default_factory=list[float])
    tokens: list[int] = field(default_factory=list[int])
    cut_off: list[int] = field(default_factory=list[int])
    loaded_bytes: int = 0
    peak_bytes: int = 0
    failure: str | None = None

    @property
    def speeds(self) -> list[float]:
        """Tokens a second of each repetition."""
        return [tokens / s for tokens, s in zip(self.tokens, self.seconds, strict=True)]


class _Process:
    """A contestant's process."""

    def __init__(self, order: Order, log: Any) -> None:
        settings = {"OMP_NUM_THREADS": str(order.threads), "HF_HUB_OFFLINE": "1"}
        settings |= {"TOKENIZERS_PARALLELISM": "false"}
        settings |= {"PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "src")])}
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.generation", "--worker", json.dumps(asdict(order))],
            cwd=_ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def ask(self, seed: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(seed, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(lines[-1] if lines else "ended without a word")
        return json.loads(line)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


def race(
    names: Sequence[str], options: argparse.Namespace, tell: Callable[[str], None]
) -> list[Result]:
    """Run all contestants. One that fails gets its reason instead of numbers."""
    results = [Result(title=name) for name in names]
    with ExitStack() as stack:
        processes: dict[int, _Process] = {}
        for place, result in enumerate(results):
            tell(f"{result.title}: load, choose settings, warm up")
            log = stack.enter_context(tempfile.TemporaryFile())
            process = _Process(_order(result.title, options), log)
            stack.callback(process.end)
            try:
                ready = process.answer()
            except RuntimeError as error:
                result.failure = str(error)
                continue
            result.settings, result.loaded_bytes = ready["settings"], ready["loaded_bytes"]
            processes[place] = process
        for repetition in range(options.repetitions):
            for place, process in list(processes.items()):
                tell(f"{names[place]}: repetition {repetition + 1} of {options.repetitions}")
                try:
                    _note(results[place], process.ask(repetition), options.max_new_tokens)
                except (RuntimeError, BrokenPipeError) as error:
                    results[place].failure = str(error)
                    del processes[place]
    return results


def _order(name: str, options: argparse.Namespace) -> Order:
    return Order(
        contestant=name,
        model=str(options.model.expanduser().resolve()),
        data=str(options.data.resolve()),
        threads=options.threads,
        prompts=options.prompts,
        samples=options.samples,
        max_new_tokens=options.max_new_tokens,
    )


def _note(result: Result, answer: dict[str, Any], limit: int) -> None:
    result.seconds.append(answer["seconds"])
    result.tokens.append(sum(answer["lengths"]))
    result.cut_off.append(sum(length == limit for length in answer["lengths"]))
    result.peak_bytes = max(result.peak_bytes, answer["peak_bytes"])


def rows_of(results: Sequence[Result]) -> list[list[str]]:
    """Return the cells of all columns."""
    base = next((r for r in results if r.title == _BASELINE and r.failure is None), None)
    rows: list[list[str]] = []
    for result in results:
        if result.failure is not None:
            empty = ["-"] * (len(_COLUMNS) + len(_MORE) - 2)
            rows.append([result.title, *empty, f"failed: {result.failure}".replace("|", "/")])
            continue
        speed = median(result.speeds)
        rows.append(
            [
                result.title,
                f"{median(result.seconds):.1f}",
                f"{min(result.seconds):.1f}-{max(result.seconds):.1f}",
                f"{median(result.tokens):.0f}",
                f"{speed:.0f}",
                "-" if base is None else f"{speed / median(base.speeds):.2f}",
                f"{median(result.cut_off):.0f}",
                f"{result.peak_bytes / 1e6:.0f}",
                f"{(result.peak_bytes - result.loaded_bytes) / 1e6:.0f}",
                result.settings,
            ]
        )
    return rows


def markdown(results: Sequence[Result], options: argparse.Namespace, load: float) -> str:
    """Return the report: circumstances first, then the table."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    columns = [*_COLUMNS, *_MORE]
    sides = ["---" if c in ("contestant", "settings") else "---:" for c in columns]
    return "\n".join(
        [
            "# Generation benchmark",
            "",
            f"- Command: `{' '.join(['python -m benchmarks.generation', *words])}`",
            f"- Date: {datetime.date.today().isoformat()}",
            f"- Machine: {cpu_name()}, {physical_cores()} physical cores, threads: "
            f"{options.threads}, {platform.system()} {platform.machine()}; load average "
            f"{load:.1f} at the start",
            f"- Versions: Python {platform.python_version()}, torch {torch.__version__}, "
            f"transformers {transformers.__version__}",
            f"- Model: {options.model.name} (weights de-quantised from Q4_1 in the developers' "
            "copy), computed in float32",
            f"- Work: {options.prompts} GSM8K prompts through the chat template, "
            f"{options.samples} samples each, temperature {_TEMPERATURE}, top_p 1, "
            f"at most {options.max_new_tokens} new tokens",
            f"- Repetitions: {options.repetitions}, interleaved, each contestant in its own "
            "process after a warm-up; seconds are medians, spread the fastest and the slowest",
            "- tokens: up to the end of turn, which counts; tokens/s: median over repetitions;",
            "  cut off: samples that reached the limit; above loaded: peak memory without all",
            "  that was resident before the first request",
            "",
            "| " + " | ".join(columns) + " |",
            "|" + "|".join(sides) + "|",
            *("| " + " | ".join(row) + " |" for row in rows_of(results)),
            "",
        ]
    )


def main() -> None:
    options = _options()
    if options.worker:
        work(Order(**json.loads(options.worker)))
        return
    console = Console()
    names = [name for name in CONTESTANTS if re.search(options.contestants, name)]
    load = os.getloadavg()[0]
    with console.status("") as status:
        results = race(names, options, status.update)
    table = Table(box=box.SIMPLE)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "contestant" else "right")
    for row in rows_of(results):
        table.add_row(*row[: len(_COLUMNS)])
    console.print(table)
    for result in results:
        if result.failure is not None:
            console.print(f"{result.title} failed: {result.failure}", markup=False)
    cpu = re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")
    options.results.mkdir(parents=True, exist_ok=True)
    file = options.results / f"generation-{cpu}-{datetime.date.today().isoformat()}.md"
    file.write_text(markdown(results, options, load), encoding="utf-8")
    console.print(f"written: {file.name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(_MODEL), help="folder of the target")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gsm8k.jsonl"))
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--contestants", default="", help="pattern of the names to run")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
