"""The examples of README and docs that are marked as runnable run, on the lab.

A fenced block runs where a comment stands right above it:

    <!-- run -->                     as it is
    <!-- run with: a=b c=d -->       with every `a` in it replaced by `b`, and `c` by `d`

The working directory holds `lab.jsonl`, six problems of the lab. Of a console block every line
that begins with `$ idiolect` is run and has to end with exit code 0.
"""

import re
import shlex
from pathlib import Path

import pytest

from idiolect.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"<!-- run(?: with: (?P<with>[^>]*?))? -->\n+```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks():
    for page in PAGES:
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            body = match["body"]
            for pair in (match["with"] or "").split():
                old, _, new = pair.partition("=")
                assert old in body, f"{page.name}: {old!r} is not in the block any more"
                body = body.replace(old, new)
            yield pytest.param(match["kind"], body, id=f"{page.name}-{number}")


def commands(body: str) -> list[list[str]]:
    lines = body.replace("\\\n", " ").splitlines()
    return [shlex.split(line[2:], comments=True)[1:] for line in lines if line[:10] == "$ idiolect"]


@pytest.mark.parametrize(("kind", "body"), list(blocks()))
def test_an_example_that_is_marked_as_runnable_runs(kind, body, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    words = ["lab", "data", "--skill", "shop", "--steps", "1", "-n", "6", "-o", "lab.jsonl"]
    assert main(words) == 0
    if kind == "python":
        exec(compile(body, "<example>", "exec"), {"__name__": "example"})
        return
    assert kind == "console", f"a block of {kind!r} cannot be run"
    assert commands(body)
    for called in commands(body):
        assert main(called) == 0, (called, capsys.readouterr().err)


def test_the_python_example_of_the_readme_is_marked_as_runnable():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    marked = [match["kind"] for match in BLOCK.finditer(readme)]
    assert marked.count("python") == readme.count("```python")


def test_commands_of_a_console_block_are_told_from_their_output():
    body = "$ idiolect audit x \\\n    -n 3  # few\nmapping: a\n$ ls\n$ idiolect lab data\n"
    assert commands(body) == [["audit", "x", "-n", "3"], ["lab", "data"]]
