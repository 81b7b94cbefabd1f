"""What is known of data before it is here, for plans.

A known data set that is not on this machine is not fetched. It is stood in for by as many copies
of one invented row as the set has rows: the numbers of rows are known, the lengths are a guess.
"""

import dataclasses
from dataclasses import dataclass

from idiolect.config import DataConfig
from idiolect.data.named import find_named
from idiolect.data.read import Dataset, example_of, read_dataset
from idiolect.data.rows import without_network
from idiolect.errors import DataError, MissingExtra

__all__ = ["Outline", "outline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Examples, or what stands in for them."""

    dataset: Dataset
    missing: str | None
    """What is stood in for, e.g. `gsm8k train (1,300 rows)`; None for the data itself."""


def outline(config: DataConfig) -> Outline:
    """Return the data where it is on this machine, and a stand-in for a known set that is not.

    Raises:
        DataError: it cannot be read, or how many rows it has is not known.
    """
    named = find_named(config)
    if named is None or named.is_local(config):
        return Outline(dataset=read_dataset(config), missing=None)
    try:
        with without_network():
            return Outline(dataset=read_dataset(config), missing=None)
    except (DataError, MissingExtra):
        count = named.count(config)
    example = example_of(named, named.sample)
    dataset = Dataset(
        source=named.name,
        examples=tuple(dataclasses.replace(example, id=f"row {n}") for n in range(count)),
        problems=(),
        layout="stand-in",
        mapping=(),
        verifier=named.verifier,
    )
    return Outline(dataset=dataset, missing=f"{named.name} {config.split} ({count:,} rows)")
