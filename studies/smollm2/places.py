"""Where the data and the model lie for those who have the developers' tools."""

import os
from pathlib import Path

__all__ = ["DATA", "TARGET"]

DATA = Path("../shared/data")
TARGET = os.environ.get("IDIOLECT_TEST_MODEL") or "~/.cache/idiolect-dev/smollm2-135m-instruct"
