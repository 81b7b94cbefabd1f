"""Importing the package, and asking for help, loads nothing heavy and needs nothing heavy."""

import json
import subprocess
import sys

import pytest

import idiolect

HEAVY = ("torch", "transformers", "pydantic", "rich", "scipy", "numpy", "datasets", "jaxtyping")
REPORT = f"""
import json
found = [name for name in {HEAVY!r} if name in sys.modules]
print("HEAVY", json.dumps(found))
"""
# Put before anything else: an interpreter in which these packages are not installed.
ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
NO_LOCAL = ("torch", "transformers", "safetensors", "jaxtyping")
CALL = "import sys; from idiolect.cli import main; code = main({words!r})"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def heavy_after(code: str) -> list[str]:
    result = python(f"import sys; {code}\n{REPORT}")
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("HEAVY ")]
    return json.loads(line.removeprefix("HEAVY "))


def test_importing_idiolect_loads_nothing_heavy():
    assert heavy_after("import idiolect") == []


@pytest.mark.parametrize(
    "words", [["--help"], ["audit", "--help"], ["build", "--help"], ["--version"], ["export"]]
)
def test_asking_for_help_loads_nothing_heavy(words):
    found = heavy_after(CALL.format(words=words))
    # typer itself checks the flags of a command with pydantic.
    assert found == [] if words == ["--help"] else found in ([], ["pydantic"])


@pytest.mark.parametrize("words", [["--help"], ["audit", "--help"], ["--version"]])
def test_help_works_where_torch_is_not_installed(words):
    code = ABSENT.format(names=NO_LOCAL) + CALL.format(words=words) + "\nsys.exit(code)"
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(("Usage: idiolect ", "idiolect 0"))


def test_data_can_be_read_where_torch_is_not_installed(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"question": "P", "answer": "R"}\n')
    code = f"import idiolect; print(idiolect.read({str(path)!r})[0].reference)"
    result = python(ABSENT.format(names=NO_LOCAL) + code)
    assert result.stdout == "R\n", result.stderr


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_command_that_needs_torch_names_the_line_that_installs_it(tmp_path, package):
    path = tmp_path / "data.jsonl"
    path.write_text('{"question": "P", "answer": "R"}\n')
    words = ["audit", str(path), "--target", str(tmp_path), "-o", str(tmp_path / "run")]
    code = ABSENT.format(names=(package,)) + CALL.format(words=words) + "\nsys.exit(code)"
    result = python(code)
    assert result.returncode == 3, result.stderr
    assert result.stderr.strip().splitlines()[-1] == (
        f"MissingExtra: a target on this machine needs the package {package!r}, which is not "
        'installed; run: pip install "idiolect[local]"'
    )


@pytest.mark.parametrize(
    ("name", "package"), [("data.parquet", "pyarrow"), ("some/dataset", "datasets")]
)
def test_data_that_needs_an_extra_names_the_line_that_installs_it(tmp_path, name, package):
    path = name
    if name.endswith(".parquet"):
        path = str(tmp_path / name)
        (tmp_path / name).touch()
    words = ["audit", path, "--target", "x"]
    code = ABSENT.format(names=(package,)) + CALL.format(words=words) + "\nsys.exit(code)"
    result = python(code)
    assert result.returncode == 3, result.stderr
    assert 'run: pip install "idiolect[hub]"' in result.stderr


def test_every_public_name_is_there_and_no_other():
    for name in idiolect.__all__:
        assert getattr(idiolect, name) is not None
    assert dir(idiolect) == sorted(idiolect.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = idiolect.nothing
