"""`data`: where the examples come from."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["DataConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where the examples come from."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    path: str | None = None
    """A JSONL, JSON, CSV or Parquet file, the id of a data set on the hub, or the name of a known
    one, e.g. gsm8k."""

    dataset: str | None = None
    """The known data set that the file has the columns of; it brings prompt and verifier."""

    columns: dict[str, str] = field(default_factory=dict[str, str])
    """Overrides of the detected mapping: our field -> column of the data."""

    limit: int | None = None
    """Take the first n rows only."""

    subset: str | None = None
    """Of a data set on the hub, where it has several."""

    split: str = "train"
    """Of a data set on the hub."""

    revision: str | None = None
    """Branch, tag or commit of a data set on the hub; None takes the newest."""
