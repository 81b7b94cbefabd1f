"""Memory: warm and huge pages on a CPU, and telling an out-of-memory from other errors."""

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

__all__ = ["is_out_of_memory", "keep_pages", "settle"]

# Numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MMAP_THRESHOLD_BYTES = 1 << 30
# Numbers of Linux's mman.h.
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25
_HUGE_PAGE_BYTES = 2 << 20

# Smaller models have few pages, and what they compute stays in the cache.
_LARGE_MODEL_BYTES = 64 << 20
_RESERVE_BYTES = 64 << 20


def settle(module: Any) -> None:
    """Make memory fast for a loaded model, if it lies on the CPU.

    Freed pages are kept (see `keep_pages`), and the weights of a model that does not fit into
    the cache, with some room for what it computes, are moved to huge pages: matrix products
    over many small pages wait for addresses to be looked up. Where the system has no huge
    pages, nothing changes.
    """
    parameters: list[torch.Tensor] = list(module.parameters())
    if parameters[0].device.type != "cpu" or not keep_pages():
        return
    if sum(parameter.nbytes for parameter in parameters) < _LARGE_MODEL_BYTES:
        return
    addresses = {parameter.data_ptr() for parameter in parameters}
    for start, stop in list(_anonymous_mappings()):
        if any(start <= address < stop for address in addresses):
            _use_huge_pages(start, stop)
    # What is freed is kept, so later tensors come to lie here.
    room = torch.empty(_RESERVE_BYTES, dtype=torch.uint8)
    _use_huge_pages(room.data_ptr(), room.data_ptr() + _RESERVE_BYTES)


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


def _anonymous_mappings() -> Iterator[tuple[int, int]]:
    """Yield start and stop of this process's writable mappings that no file stands behind."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights.startswith("rw") and inode == "0" and name in ([], ["[heap]"]):
            start, stop = addresses.split("-")
            yield int(start, 16), int(stop, 16)


def _use_huge_pages(start: int, stop: int) -> None:
    """Ask for huge pages, for what is there and for what will be. A refusal costs nothing."""
    first = -(-start // _HUGE_PAGE_BYTES) * _HUGE_PAGE_BYTES
    length = (stop - first) // _HUGE_PAGE_BYTES * _HUGE_PAGE_BYTES
    if length > 0:
        libc = ctypes.CDLL(None)
        for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), advice)
