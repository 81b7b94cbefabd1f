"""Finds the program in a response, and what tests need of it."""

import ast
import builtins
import re
import sys
from dataclasses import dataclass

from idiolect.records import CodeTests
from idiolect.verification.answers import final_answer_ends

__all__ = ["Suite", "program_variants", "read_suite"]

_MAX_PROGRAM = 200_000
"""Characters; longer responses are cut, which no program survives."""

_FENCE = re.compile(r"^[ \t]{0,8}(```+|~~~+)[ \t]*([\w+#.-]{0,20})[^\n]{0,40}$", re.MULTILINE)
_MARKER = re.compile(r"final[ _]answer[*_\s]{0,4}:?", re.IGNORECASE)
_FAMILIAR = {
    "Counter": "from collections import Counter",
    "OrderedDict": "from collections import OrderedDict",
    "defaultdict": "from collections import defaultdict",
    "deque": "from collections import deque",
    "Decimal": "from decimal import Decimal",
    "Fraction": "from fractions import Fraction",
}
"""Names that tests use without an import, because the reference program imports them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tests, and the names that they take from where."""

    tests: tuple[str, ...]
    setup: str
    prompt: str
    names: tuple[str, ...]
    """Names that the program has to define."""

    modules: tuple[str, ...]
    imports: tuple[str, ...]


def read_suite(code: CodeTests) -> Suite:
    """Work out what the tests call in the program, and what they get from us.

    Whatever tests use to compare (built-ins, modules of the standard library, helpers of the
    prompt) comes from us, never from the program: a program that brings its own `isclose` or
    `set` would otherwise judge itself.

    Raises:
        SyntaxError: a test or the setup is no valid Python.
    """
    trees = [ast.parse(text) for text in (*code.tests, code.setup)]
    used, called, attributes = _names(trees)
    bound = _bound(trees) | _bound_by_prompt(code)
    builtin = set(dir(builtins))
    free = used - bound - builtin
    names = {code.entry_point} if code.entry_point else set[str]()
    modules: set[str] = set()
    imports: set[str] = set()
    for name in free - names:
        if name in attributes and name not in called and name in sys.stdlib_module_names:
            modules.add(name)
        elif name in _FAMILIAR:
            imports.add(_FAMILIAR[name])
        else:
            names.add(name)
    if not names:
        # A task may ask for a function that is named like a built-in one, such as `sum`.
        names = _leading_calls(trees) & builtin
    return Suite(
        tests=_with_check_call(code),
        setup=code.setup,
        prompt=code.prompt,
        names=tuple(sorted(names)),
        modules=tuple(sorted(modules)),
        imports=tuple(sorted(imports)),
    )


def _names(trees: list[ast.Module]) -> tuple[set[str], set[str], set[str]]:
    """Return the names that are used, those that are called, those with an attribute taken."""
    used: set[str] = set()
    called: set[str] = set()
    attributes: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                attributes.add(node.value.id)
    return used, called, attributes


def _bound(trees: list[ast.Module]) -> set[str]:
    """Return every name that is bound anywhere in the trees."""
    bound: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                bound |= {(a.asname or a.name).partition(".")[0] for a in node.names}
            elif isinstance(node, ast.ExceptHandler) and node.name:
                bound.add(node.name)
    return bound


def _bound_by_prompt(code: CodeTests) -> set[str]:
    if not code.prompt:
        return set()
    try:
        tree = ast.parse(code.prompt)
    except SyntaxError:
        return set()
    top = ast.Module(
        body=[n for n in tree.body if not _is_stub(n)],
        type_ignores=[],
    )
    names = {n.name for n in top.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    imported = _bound([ast.Module(body=[n], type_ignores=[]) for n in top.body if _is_import(n)])
    return (names | imported) - {code.entry_point}


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_stub(node: ast.stmt) -> bool:
    """Tell a function with nothing but a docstring: the one that the response completes."""
    return isinstance(node, ast.FunctionDef) and all(
        isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in node.body
    )


def _leading_calls(trees: list[ast.Module]) -> set[str]:
    """Return the names of the first calls of the asserts: `sum` in `assert sum(10, 15) == 6`."""
    names: set[str] = set()
    for tree in trees:
        for statement in tree.body:
            if isinstance(statement, ast.Assert):
                test = statement.test
                left = test.left if isinstance(test, ast.Compare) else test
                if isinstance(left, ast.Call) and isinstance(left.func, ast.Name):
                    names.add(left.func.id)
    return names


def _with_check_call(code: CodeTests) -> tuple[str, ...]:
    """Append the call of `check` where a HumanEval test defines it and does not call it."""
    if not code.entry_point:
        return code.tests
    call = re.compile(r"^check\(", re.MULTILINE)
    definition = re.compile(r"^def check\(", re.MULTILINE)
    return tuple(
        f"{test}\n\ncheck({code.entry_point})\n"
        if definition.search(test) and not call.search(test)
        else test
        for test in code.tests
    )


def program_variants(response: str, code: CodeTests) -> list[tuple[str, str]]:
    """Return readings of a response as a program, best first, each with the rule it came from.

    The first one that compiles and defines what the tests call is run. Line ends are unified;
    a completion is put behind its prompt, also where its first line lost its indentation.
    """
    text = response[:_MAX_PROGRAM].replace("\r\n", "\n").replace("\r", "\n")
    readings = _readings(text)
    variants: list[tuple[str, str]] = []
    for source, rule in readings:
        if not source.strip():
            continue
        variants += _completions(source, rule, code.prompt) if code.prompt else [(source, rule)]
        if "\t" in source:
            spaced = source.expandtabs(4)
            variants += (
                _completions(spaced, f"{rule}/tabs", code.prompt)
                if code.prompt
                else [(spaced, f"{rule}/tabs")]
            )
    unique: dict[str, str] = {}
    for source, rule in variants:
        unique.setdefault(source, rule)
    return list(unique.items())[:24]


def _readings(text: str) -> list[tuple[str, str]]:
    """Return the parts of a response that may be the program."""
    readings: list[tuple[str, str]] = []
    ends = [match.end() for match in _MARKER.finditer(text)] or final_answer_ends(text)
    for end in reversed(ends[-3:]):
        rest = text[end:]
        readings += [(block, "final-answer/fence") for block in _fenced(rest)[:2]]
        readings.append((_without_blank_start(rest), "final-answer"))
    blocks = _fenced(text)
    readings += [(block, "fence") for block in reversed(blocks[-3:])]
    if len(blocks) > 1:
        readings.append(("\n\n".join(blocks), "fences"))
    readings.append((_without_blank_start(text), "whole"))
    start = re.search(r"^(?:import|from|def|class|@)[ \t\w]", text, re.MULTILINE)
    if start and start.start() > 0:
        readings.append((text[start.start() :], "from-first-definition"))
    return readings


def _fenced(text: str) -> list[str]:
    """Return the contents of code fences; one that never closes runs to the end."""
    blocks: list[str] = []
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif match[1].startswith(opened[1]) and not match[2]:
            blocks.append(text[opened.end() + 1 : match.start()])
            opened = None
    if opened is not None:
        blocks.append(text[opened.end() + 1 :])
    return blocks


def _without_blank_start(text: str) -> str:
    """Drop empty lines at the start and keep the first line's indentation."""
    lines = text.split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


def _completions(source: str, rule: str, prompt: str) -> list[tuple[str, str]]:
    """Return the ways in which a text may continue a prompt."""
    head = prompt if prompt.endswith("\n") else prompt + "\n"
    variants = [(head + source, rule)]
    if source[:1] not in (" ", "\t"):
        variants.append((f"{head}    {source}", f"{rule}/first-line-indented"))
        indented = "\n".join(f"    {line}" if line.strip() else line for line in source.split("\n"))
        variants.append((head + indented, f"{rule}/indented"))
    return variants
