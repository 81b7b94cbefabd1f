"""Familiarity measures by name: how native a response is to the target."""

from idiolect.familiarity.base import Measure, Measured, Summary
from idiolect.familiarity.bits_per_byte import BITS_PER_BYTE
from idiolect.familiarity.edit_distance import edit_distance
from idiolect.familiarity.ifd import IFD
from idiolect.familiarity.length import LENGTH
from idiolect.familiarity.local import LOCAL
from idiolect.familiarity.nll import MEAN_NLL
from idiolect.familiarity.perplexity import PERPLEXITY, summarise_perplexity
from idiolect.familiarity.rank import MEAN_RANK
from idiolect.familiarity.rank_surprisal import RANK_SURPRISAL
from idiolect.familiarity.self_aligned import SELF_ALIGNED

__all__ = [
    "MEASURES",
    "Measure",
    "Measured",
    "Summary",
    "edit_distance",
    "summarise_perplexity",
]

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        *(MEAN_NLL, PERPLEXITY, BITS_PER_BYTE, IFD, SELF_ALIGNED, LOCAL),
        *(MEAN_RANK, RANK_SURPRISAL, LENGTH),
    )
}
