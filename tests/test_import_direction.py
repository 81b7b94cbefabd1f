"""Imports point down the house only (the order is the one of the architecture page)."""

import ast
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "idiolect"

# From the roof to the cellar: a room may import from rooms below it, never from above.
HOUSE = [
    "cli",
    "report",
    "scale",
    "pipeline",
    "training",
    "evaluation",
    "statistics",
    "selection",
    "strategies",
    "verification",
    "familiarity",
    "scoring",
    "models",
    "chat",
    "data",
    "runs",
    "records",
    "config",
    "errors",
]
# The lab stands beside the house: it may use every room below the pipeline, and only the
# places that turn a model name into a model may know of it.
BESIDE = {"lab": HOUSE.index("pipeline")}


def room_of(path: Path) -> str:
    return path.relative_to(SRC).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    """Rooms that the file imports, at any depth of the file (lazy imports count too)."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            if node.module == "idiolect":
                modules = [f"idiolect.{alias.name}" for alias in node.names]
        rooms |= {m.split(".")[1] for m in modules if m.startswith("idiolect.")}
    return rooms


def test_imports_point_down_only():
    wrong: list[str] = []
    for path in sorted(SRC.rglob("*.py")):
        room = room_of(path)
        if room in ("__init__", "__main__"):
            continue
        height = BESIDE.get(room, HOUSE.index(room) if room in HOUSE else None)
        assert height is not None, f"{path}: {room!r} is not a room of the house"
        for other in imported_rooms(path) - {room} - BESIDE.keys():
            assert other in HOUSE, f"{path} imports unknown room {other!r}"
            if HOUSE.index(other) <= height:
                wrong.append(f"{path.relative_to(SRC)} imports {other}")
    assert not wrong, "\n".join(wrong)
