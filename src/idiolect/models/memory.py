"""Memory: keeping pages warm on a CPU, and telling an out-of-memory from other errors."""

import ctypes
import sys

import torch

__all__ = ["is_out_of_memory", "keep_pages"]

# Numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MMAP_THRESHOLD_BYTES = 1 << 30


def keep_pages() -> bool:
    """Make glibc keep freed memory for the next tensor instead of giving it back.

    By default each large tensor is mapped anew, and on virtual machines the first touch of a
    fresh page costs more than the arithmetic on it. Affects the whole process; does nothing,
    and returns False, where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    kept = libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
    return bool(kept and libc.mallopt(_M_TRIM_THRESHOLD, _MMAP_THRESHOLD_BYTES))


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether torch raised for lack of memory, on a GPU or in main memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return "not enough memory" in text or "DefaultCPUAllocator: can't allocate" in text
