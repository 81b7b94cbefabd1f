"""The examples of README and docs that are marked as runnable run, on the lab.

A fenced block runs where a comment stands right above it:

    <!-- run -->                     as it is
    <!-- run with: a=b 'c d'=e -->   with every `a` in it replaced by `b`, and `c d` by `e`
    <!-- then run -->                the same, in the directory that the block before has left
    <!-- then write NAME -->         the block is added to the file NAME in that directory

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
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#[^)]*)?\)")
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"(?:^\$ |^|-m )idiolect ([a-z].*)")
BLOCK = re.compile(
    r"<!-- (?P<verb>run|then run|then write (?P<file>\S+))(?: with: (?P<with>[^>]*?))? -->\n+"
    r"```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path):
    """Yield the marked blocks of a page: verb, file, kind and body."""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        body = match["body"]
        for pair in shlex.split(match["with"] or ""):
            old, _, new = pair.partition("=")
            assert old in body, f"{page.name}: {old!r} is not in the block any more"
            body = body.replace(old, new)
        yield match["verb"], match["file"], match["kind"], body


def sessions():
    """Yield what runs in one directory, one block after the other."""
    for page in PAGES:
        found: list[list[tuple[str | None, str, str]]] = []
        for verb, file, kind, body in blocks(page):
            if verb == "run":
                found.append([])
            assert found, f"{page.name}: nothing runs before {verb!r}"
            found[-1].append((file, kind, body))
        for number, session in enumerate(found, 1):
            yield pytest.param(session, id=f"{page.name}-{number}")


def commands(body: str) -> list[list[str]]:
    lines = body.replace("\\\n", " ").splitlines()
    return [shlex.split(line[2:], comments=True)[1:] for line in lines if line[:10] == "$ idiolect"]


@pytest.mark.parametrize("session", list(sessions()))
def test_examples_that_are_marked_as_runnable_run(session, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    words = ["lab", "data", "--skill", "shop", "--steps", "1", "-n", "6", "-o", "lab.jsonl"]
    assert main(words) == 0
    for file, kind, body in session:
        if file:
            with (tmp_path / file).open("a", encoding="utf-8") as opened:
                opened.write(body)
        else:
            run_block(kind, body, capsys)


def run_block(kind: str, body: str, capsys) -> None:
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


# Their sessions need a server beside them; tests/end_to_end has the same commands with one.
NEED_A_SERVER = ("budget.md", "local-server.md")


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in NEED_A_SERVER], ids=named)
def test_every_session_of_a_page_is_run(page):
    text = page.read_text(encoding="utf-8")
    run = [match["body"] for match in BLOCK.finditer(text)]
    shown = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert [body for body in shown if "$ idiolect" in body and body not in run] == []


def test_commands_of_a_console_block_are_told_from_their_output():
    body = "$ idiolect audit x \\\n    -n 3  # few\nmapping: a\n$ ls\n$ idiolect lab data\n"
    assert commands(body) == [["audit", "x", "-n", "3"], ["lab", "data"]]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=named)
def test_every_relative_link_leads_to_a_file(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert not missing


def test_links_are_found_and_those_to_the_web_are_left_out():
    text = "[a](b.md) [c](https://d.org/e) ![f](g/h.png) [i](j.md#k) [l](#m)"
    assert LINK.findall(text) == ["b.md", "g/h.png", "j.md", ""]


def test_every_file_and_configuration_that_the_page_of_the_papers_names_exists():
    text = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    there = [
        f"/{path.relative_to(ROOT)}"
        for folder in ("src", "tests", "studies", "docs")
        for path in (ROOT / folder).rglob("*")
    ]
    named = re.findall(r"`([\w./-]+(?:\.py|\.toml|\.json|/))`", text)
    assert len(named) > 30
    missing = [n for n in named if not any(f.endswith("/" + n.rstrip("/")) for f in there)]
    # `cross-task-gsm8k, -math-algebra` is short for two names.
    for group in re.findall(r"\[(`[\w/, -]+`(?:, `[\w/, -]+`)*)\](?!\()", text):
        for name in group.replace("`", "").split(", "):
            name = f"cross-task{name}" if name.startswith("-") else name
            if not (ROOT / "studies" / "paper" / f"{name}.yaml").is_file():
                missing.append(name)
    assert missing == ["like-this"]


def calls(page: Path) -> set[tuple[str, ...]]:
    """Return the commands of a page's blocks, each with its flags, without values."""
    found: set[tuple[str, ...]] = set()
    for body in FENCED.findall(page.read_text(encoding="utf-8")):
        for line in body.replace("\\\n", " ").splitlines():
            if match := CALL.match(line.split(" #")[0]) or CALL.search(line.split(" #")[0]):
                words = match[1].split()
                flags = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
                sub = words[1:2] if words[0] == "lab" else []
                found.add((words[0], *sub, *sorted(flags)))
    return found


def test_every_command_and_flag_of_the_pages_exists(capsys):
    helps: dict[tuple[str, ...], str] = {}
    seen = 0
    # The reference is written from the code, and has a test of its own.
    for page in (page for page in PAGES if page.parent.name != "reference"):
        for command in calls(page):
            words = tuple(word for word in command if not word.startswith("-"))
            if words not in helps:
                assert main([*words, "--help"]) == 0, (page.name, words)
                helps[words] = capsys.readouterr().out
            for flag in set(command) - set(words):
                assert re.search(rf"(?<![\w-]){flag}(?![\w-])", helps[words]), (page.name, command)
                seen += 1
    assert seen > 50
