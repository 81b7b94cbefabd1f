"""Verdicts on real responses beside the published fractions, and how fast they come.

Run: python benchmarks/verification.py ../shared/data
"""

import os
import platform
import sys
import time
from pathlib import Path

from idiolect.data import read
from idiolect.records import Example
from idiolect.verification import Verifier, get_verifier
from idiolect.verification.code import Code

# arXiv 2402.11192: share correct by "first number after the last `Final Answer`" on these rows
# (gsm8k, math_algebra, ecqa); share of programs that pass, on the whole files (mbpp: 374 rows).
PUBLISHED: dict[str, dict[str, float]] = {
    "gsm8k": {
        "gpt4": 0.957, "claude": 0.960, "gpt4o_mini": 0.900, "gpt4_step_by_step": 0.987,
        "gpt4_paraphrase_of_gpt4": 0.957, "llama2_own": 0.377, "llama2_minimal_change": 0.980,
        "mistral_own": 0.370, "mistral_minimal_change": 0.913,
    },
    "math_algebra": {
        "gpt4": 0.833, "claude": 0.910, "llama2_own": 0.143, "llama2_minimal_change": 0.777,
        "mistral_own": 0.220, "mistral_minimal_change": 0.730,
    },
    "ecqa": {
        "gpt4": 0.967, "claude": 0.943, "gpt4_rewrite_of_reference": 1.000,
        "llama2_own": 0.577, "llama2_minimal_change": 1.000, "mistral_own": 0.567,
        "mistral_minimal_change": 0.997,
    },
    "mbpp": {
        "reference": 0.997, "gpt4": 0.703, "claude": 0.842, "llama2_own": 0.329,
        "llama2_minimal_change": 0.719, "mistral_own": 0.404, "mistral_minimal_change": 0.674,
    },
    "humaneval": {},
}  # fmt: skip
VERIFIERS = {"gsm8k": "numeric", "math_algebra": "maths", "ecqa": "choice"}


def check(verifier: Verifier, examples: list[Example], name: str) -> tuple[dict[str, int], float]:
    """Return counts by status, and responses per second."""
    pairs = [(e, e.reference or "" if name == "reference" else e.responses[name]) for e in examples]
    began = time.perf_counter()
    findings = verifier.check(pairs)
    seconds = time.perf_counter() - began
    counts = {status: 0 for status in ("correct", "incorrect", "unparsable", "unchecked", "error")}
    for finding in findings:
        counts[finding.status] += 1
    return counts, len(pairs) / seconds


def main() -> None:
    folder = Path(sys.argv[1])
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{platform.machine()}, {cores} cores, load {load:.1f} at the start\n")
    header = "| data | response | n | correct | incorrect | unparsable | error | rate | published"
    print(f"{header} | difference | per s |\n|{'---|' * 11}")
    for data, published in PUBLISHED.items():
        examples = read(folder / f"{data}.jsonl")
        name = VERIFIERS.get(data)
        verifier = get_verifier(name) if name else Code(confirm_run_unsafe_code=True)
        verifier.check([(examples[0], "Final Answer: $x^2$")])  # processes have started
        for strategy in ("reference", *examples[0].responses):
            counts, speed = check(verifier, examples, strategy)
            rate = counts["correct"] / len(examples)
            known = published.get(strategy)
            cells = [data, strategy, str(len(examples)), str(counts["correct"])]
            cells += [str(counts[status]) for status in ("incorrect", "unparsable", "error")]
            cells += [f"{rate:.3f}", f"{known:.3f}" if known is not None else "-"]
            cells += [f"{rate - known:+.3f}" if known is not None else "-", f"{speed:.0f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
