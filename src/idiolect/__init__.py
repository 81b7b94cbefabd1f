"""idiolect: fine-tuning data in your model's own words.

Importing this package imports neither torch nor transformers: names are loaded when they are
first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idiolect.data.read import read
    from idiolect.errors import IdiolectError
    from idiolect.pipeline.api import Result, Target, audit, build
    from idiolect.records import Candidate, Choice, Example, Measurement, Message, Verdict

__all__ = [
    "Candidate",
    "Choice",
    "Example",
    "IdiolectError",
    "Measurement",
    "Message",
    "Result",
    "Target",
    "Verdict",
    "audit",
    "build",
    "read",
]

_HOMES = {
    "Candidate": "idiolect.records",
    "Choice": "idiolect.records",
    "Example": "idiolect.records",
    "IdiolectError": "idiolect.errors",
    "Measurement": "idiolect.records",
    "Message": "idiolect.records",
    "Result": "idiolect.pipeline.api",
    "Target": "idiolect.pipeline.api",
    "Verdict": "idiolect.records",
    "audit": "idiolect.pipeline.api",
    "build": "idiolect.pipeline.api",
    "read": "idiolect.data.read",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'idiolect' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
