"""The table, and the circumstances without which its numbers mean nothing."""

import datetime
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
import transformers
from rich import box
from rich.table import Table

from benchmarks.generation.contestants import BASELINE, TEMPERATURE, Order
from benchmarks.generation.race import Result
from benchmarks.machine import command, cpu_name, physical_cores

__all__ = ["markdown", "rows_of", "table"]

_COLUMNS = ("contestant", "seconds", "spread", "tokens", "tokens/s", "x transformers")
_MORE = ("cut off", "peak MB", "above loaded", "settings")


def table(results: Sequence[Result]) -> Table:
    """Return what fits on a terminal."""
    drawn = Table(box=box.SIMPLE)
    for column in _COLUMNS:
        drawn.add_column(column, justify="left" if column == "contestant" else "right")
    for row in rows_of(results):
        drawn.add_row(*row[: len(_COLUMNS)])
    return drawn


def rows_of(results: Sequence[Result]) -> list[list[str]]:
    """Return the cells of all columns."""
    base = next((r for r in results if r.title == BASELINE and r.failure is None), None)
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


def markdown(results: Sequence[Result], order: Order, repetitions: int, load: float) -> str:
    """Return the report: circumstances first, then the table."""
    columns = [*_COLUMNS, *_MORE]
    sides = ["---" if c in ("contestant", "settings") else "---:" for c in columns]
    return "\n".join(
        [
            "# Generation benchmark",
            "",
            f"- Command: `{command('benchmarks.generation')}`",
            f"- Date: {datetime.date.today().isoformat()}",
            f"- Machine: {cpu_name()}, {physical_cores()} physical cores, threads: "
            f"{order.threads}, {platform.system()} {platform.machine()}; load average "
            f"{load:.1f} at the start",
            f"- Versions: Python {platform.python_version()}, torch {torch.__version__}, "
            f"transformers {transformers.__version__}",
            f"- Model: {Path(order.model).name} (weights de-quantised from Q4_1 in the developers' "
            "copy), computed in float32",
            f"- Work: {order.prompts} GSM8K prompts through the chat template, "
            f"{order.samples} samples each, temperature {TEMPERATURE}, top_p 1, "
            f"at most {order.max_new_tokens} new tokens",
            f"- Repetitions: {repetitions}, interleaved, each contestant in its own "
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
