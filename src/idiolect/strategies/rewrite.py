"""`rewrite`: the target writes the reference in its own words.

Source: self-distillation fine-tuning (arXiv 2402.13669, section 3). Deviations: the prompt is
worded afresh, and a rewrite that lost the right answer is not replaced by the reference: it
gets its verdict like every other candidate.
"""

from collections.abc import Mapping

from idiolect.records import Example, Part
from idiolect.strategies.base import StrategyContext
from idiolect.strategies.templated import templated

__all__ = ["REWRITE"]


def _reference(example: Example, context: StrategyContext) -> Mapping[Part, object] | None:
    return None if example.reference is None else {"reference": example.reference}


REWRITE = templated("rewrite", "target", _reference, sees=frozenset({"reference"}))
