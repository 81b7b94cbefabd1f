"""One contestant in a process of its own: it answers each seed on stdin with what it made."""

import json
import sys
import time

import torch

from benchmarks.generation.contestants import CONTESTANTS, Order, load_subject
from benchmarks.machine import forget_peak, memory_bytes
from benchmarks.process import open_answers


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    answer = open_answers()
    torch.set_num_threads(order.threads)
    subject = load_subject(order)
    loaded = memory_bytes("VmRSS")
    contestant = CONTESTANTS[order.contestant](subject)
    contestant.prepare()
    forget_peak()
    answer(settings=contestant.settings, loaded_bytes=loaded)
    for line in sys.stdin:
        began = time.perf_counter()
        lengths = contestant.run(json.loads(line)["seed"])
        seconds = time.perf_counter() - began
        answer(seconds=seconds, lengths=lengths, peak_bytes=memory_bytes("VmHWM"))


if __name__ == "__main__":
    main()
