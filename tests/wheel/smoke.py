"""What `make wheel` runs in a clean environment that holds the wheel and no torch.

    python tests/wheel/smoke.py SOURCE

SOURCE is the package's folder in the working tree: every file of it that is no Python has to be
in the wheel too.
"""

import json
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path

BIN = Path(sys.executable).parent / "idiolect"


def call(*words: str, folder: str, code: int = 0) -> str:
    """Run the installed command; return what it printed."""
    result = subprocess.run([str(BIN), *words], capture_output=True, text=True, cwd=folder)
    if result.returncode != code:
        sys.exit(f"idiolect {' '.join(words)}: exit {result.returncode}\n{result.stderr}")
    return result.stdout


def check_files(source: Path) -> int:
    """Compare the files that are no code; return how many there are."""
    spec = util.find_spec("idiolect")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    assert "site-packages" in installed.parts, f"{installed} is not the wheel"
    listed = subprocess.run(
        ["git", "ls-files", "."], cwd=source, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    wanted = [name for name in listed if not name.endswith(".py")]
    missing = [name for name in wanted if not (installed / name).is_file()]
    assert not missing, f"not in the wheel: {', '.join(missing)}"
    return len(wanted)


def main() -> None:
    """Check the wheel."""
    for name in ("torch", "transformers"):
        assert util.find_spec(name) is None, f"{name} is here, so this proves nothing"
    files = check_files(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        assert "Usage: idiolect" in call("--help", folder=folder)
        assert call("--version", folder=folder).startswith("idiolect ")
        for command in ("audit", "build", "export", "lab", "retarget"):
            call(command, "--help", folder=folder)
        call("lab", "data", "--skill", "shop", "-n", "20", "-o", "lab.jsonl", folder=folder)
        text = call("verify", "lab.jsonl", "-o", "verdicts.jsonl", "--json", folder=folder)
        counts = {row["strategy"]: row["counts"] for row in json.loads(text)["strategies"]}
        assert counts["reference"] == {"correct": 20}, counts
        call("init", "lab.jsonl", "--target", "lab:amber", folder=folder)
        # The packages of [local] are missing, and doctor says so.
        text = call("doctor", "-c", "idiolect.yaml", "--json", folder=folder, code=1)
        problems = [c["name"] for c in json.loads(text)["checks"] if c["status"] == "problem"]
        assert problems == ["jaxtyping", "safetensors", "torch", "transformers"], problems
    print(f"the wheel works without torch; {files} data files are in it")


if __name__ == "__main__":
    main()
