"""The side that runs the program: loads it, then answers the tester's requests."""

import ast
import os
import resource
import types
from collections.abc import Callable
from typing import Any, cast

from idiolect.verification.inside.codec import Undecodable, decode, encode
from idiolect.verification.inside.frames import Closed, read_message, write_message

__all__ = ["serve"]

_MAX_ITEMS = 100_000
"""Items of an iterator that are sent; a generator without end is cut here."""

_TRIMS = 40
"""Times that a program is cut at its syntax error, to drop prose that follows the code."""


def serve(read_fd: int, write_fd: int, job: dict[str, Any]) -> None:
    """Run the program of a job and answer requests until the tester is gone. Never returns."""
    _confine(read_fd, write_fd, job)
    side = _Program(read_fd, write_fd)
    try:
        read_message(read_fd)  # the tester has read the tests; before that nothing may run
        loaded = _load(job["variants"], job["names"])
        side.namespace = loaded.pop("namespace", {})
        write_message(write_fd, loaded)
        if loaded["loaded"]:
            side.answer_all()
    except Closed:
        pass
    finally:
        os._exit(0)


def _confine(read_fd: int, write_fd: int, job: dict[str, Any]) -> None:
    """Leave the program two pipes and nothing else that is open, and set its last limits."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    low = 3
    for fd in sorted({read_fd, write_fd}):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 4096)
    # Set here and not before the fork: older kernels count every process of the user.
    resource.setrlimit(resource.RLIMIT_NPROC, (job["processes"], job["processes"]))


def _load(variants: list[str], names: list[str]) -> dict[str, Any]:
    """Execute the first variant that compiles and defines the names that the tests call."""
    problems: list[str] = []
    compiled: list[tuple[int, types.CodeType, set[str], bool]] = []
    for index, source in enumerate(variants):
        try:
            tree, trimmed = _parsed(source)
            code = compile(tree, "program.py", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            problems.append(f"{type(error).__name__}: {error}"[:300])
            continue
        compiled.append((index, code, _defined(tree), trimmed))
    wanted = set(names)
    compiled.sort(key=lambda entry: (-len(wanted & entry[2]), entry[3], entry[0]))
    if not compiled:
        return {"loaded": False, "syntax": True, "problem": problems[0] if problems else "no code"}
    index, code, defined, trimmed = compiled[0]
    if wanted and not wanted & defined:
        problem = f"defines none of {', '.join(sorted(wanted))}"
        # Prose can be valid Python; only what defines something is a program.
        nothing = not any(entry[2] for entry in compiled)
        return {"loaded": False, "syntax": nothing, "problem": problem}
    module = types.ModuleType("program")
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        return {"loaded": False, "syntax": False, "problem": _describe(error)}
    return {"loaded": True, "variant": index, "trimmed": trimmed, "namespace": module.__dict__}


def _parsed(source: str) -> tuple[ast.Module, bool]:
    """Parse a program, without the prose that may follow it."""
    lines = source.split("\n")
    for attempt in range(_TRIMS):
        try:
            return ast.parse("\n".join(lines)), attempt > 0
        except SyntaxError as error:
            cut = min(error.lineno or len(lines), len(lines)) - 1
            if cut < 1 or attempt == _TRIMS - 1:
                raise
            lines = lines[:cut]
    raise SyntaxError("no code")


def _defined(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {t.id for t in targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.If | ast.Try):
            names |= _defined(ast.Module(body=node.body, type_ignores=[]))
    return names


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {_message(error)}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException:  # the program may have written this exception's __str__
        return ""


class _Program:
    """Holds the program's namespace and the objects that the tester knows by reference."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.namespace: dict[str, Any] = {}
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._kept: dict[int, object] = {}

    def answer_all(self) -> None:
        while True:
            self._answer(read_message(self._read_fd))

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            reply = self._perform(request)
        except Closed:
            raise
        except BaseException as error:
            bases = [c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"]
            reply = {"raised": bases, "message": _message(error)}
        write_message(self._write_fd, reply)

    def _perform(self, request: dict[str, Any]) -> dict[str, Any]:
        operation = request["op"]
        if operation == "name":
            return {"value": encode(self.namespace[request["name"]], self._keep)}
        target = decode(request["target"], self._lookup)
        arguments: list[Any] = [decode(a, self._lookup) for a in request.get("args", ())]
        if operation == "call":
            return self._call(target, arguments, request)
        value = _OPERATIONS[operation](target, *arguments)
        return {"value": encode(value, self._keep)}

    def _call(self, target: Any, arguments: list[Any], request: dict[str, Any]) -> dict[str, Any]:
        keywords = {k: decode(v, self._lookup) for k, v in request["kwargs"].items()}
        value = target(*arguments, **keywords)
        reply: dict[str, Any] = {"value": encode(value, self._keep), "changed": {}}
        for index, argument in enumerate(arguments):
            # Tests may look at a list that the program sorted in place.
            if isinstance(argument, (list, dict, set)):
                after = encode(cast("Any", argument), self._keep)
                if after != request["args"][index]:
                    reply["changed"][str(index)] = after
        return reply

    def _keep(self, value: object) -> dict[str, Any]:
        self._kept[id(value)] = value
        return {"ref": id(value), "callable": callable(value), "type": type(value).__name__}

    def _lookup(self, data: dict[str, Any]) -> Any:
        if "callback" in data:

            def function(*args: Any) -> Any:
                return self._call_back(data["callback"], args)

            return function
        return self._kept[data["ref"]]

    def _call_back(self, number: int, arguments: tuple[Any, ...]) -> Any:
        """Call a function of the tests that was passed as an argument."""
        encoded = [encode(a, self._keep) for a in arguments]
        write_message(self._write_fd, {"callback": number, "args": encoded})
        while True:
            message = read_message(self._read_fd)
            if "op" in message:
                self._answer(message)
            elif "raised" in message:
                raise RuntimeError(message["message"])
            else:
                try:
                    return decode(message["value"], self._lookup)
                except Undecodable as error:
                    raise RuntimeError(str(error)) from error


def _items(target: Any) -> list[Any]:
    items: list[Any] = []
    for item in target:
        items.append(item)
        if len(items) >= _MAX_ITEMS:
            break
    return items


def _item(target: Any, key: Any) -> Any:
    return target[key]


def _equal(target: Any, other: Any) -> bool:
    return bool(target == other)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "attribute": getattr,
    "items": _items,
    "length": len,
    "item": _item,
    "equal": _equal,
    "text": str,
    "repr": repr,
    "truth": bool,
}
