"""The machine that a benchmark runs on, and this process's memory, as the system tells them."""

import os
import platform
import re
import sys
from pathlib import Path

__all__ = ["command", "cpu_name", "forget_peak", "memory_bytes", "physical_cores", "short_name"]


def cpu_name() -> str:
    """Return the processor's model as the system names it."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", file.read_text(), re.M) if file.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def short_name() -> str:
    """Return the processor's model for the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")


def physical_cores() -> int:
    """Return the number of cores, not counting a core twice for its two threads."""
    file = Path("/proc/cpuinfo")
    text = file.read_text() if file.exists() else ""
    cores = set(re.findall(r"^physical id\s*: (\d+)$.*?^core id\s*: (\d+)$", text, re.M | re.S))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(len(cores) or usable or 1, usable or 1)


def command(module: str) -> str:
    """Return the command of this process without the folders of this machine."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join([f"python -m {module}", *words])


def memory_bytes(name: str) -> int:
    """Return a number of bytes that Linux knows of this process."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def forget_peak() -> None:
    """Start the high-water mark anew: neither loading nor choosing settings counts."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("the peak memory includes loading: its mark cannot be reset here", file=sys.stderr)
