"""The program's functions and objects as the tests see them."""

import builtins
from collections.abc import Callable, Iterator
from typing import Any, cast

from idiolect.verification.inside.codec import Undecodable, decode, encode
from idiolect.verification.inside.frames import Closed, read_message, write_message

__all__ = ["Peer", "ProgramError", "Remote"]


class ProgramError(Exception):
    """The program failed in a way that no built-in exception describes."""


class Peer:
    """Sends requests to the program and turns its replies into values."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._callbacks: list[Callable[..., Any]] = []

    def name(self, name: str) -> Any:
        """Return what the program bound to a name."""
        return self.request({"op": "name", "name": name})

    def operate(self, operation: str, reference: int, *arguments: Any) -> Any:
        """Let the program do something with one of its objects."""
        encoded = [encode(a, self._keep) for a in arguments]
        return self.request({"op": operation, "target": {"ref": reference}, "args": encoded})

    def call(self, reference: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call one of the program's functions; lists that it changed are changed here too."""
        request = {
            "op": "call",
            "target": {"ref": reference},
            "args": [encode(a, self._keep) for a in args],
            "kwargs": {k: encode(v, self._keep) for k, v in kwargs.items()},
        }
        return self.request(request, args)

    def request(self, request: dict[str, Any], args: tuple[Any, ...] = ()) -> Any:
        """Send a request and return the value of the reply.

        Raises:
            Exception: the built-in exception that the program raised, or `ProgramError`.
        """
        reply = self._exchange(request)
        if "raised" in reply:
            raise _exception(reply)
        try:
            for index, data in dict(reply.get("changed", {})).items():
                _update(args[int(index)], decode(data, self._lookup))
            return decode(reply["value"], self._lookup)
        except (Undecodable, RecursionError, LookupError, TypeError, ValueError) as error:
            raise ProgramError(f"no usable reply: {error}") from error

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            write_message(self._write_fd, request)
            while "callback" in (reply := read_message(self._read_fd)):
                write_message(self._write_fd, self._called_back(reply))
        except Closed as error:
            raise ProgramError(f"no reply: {error}") from error
        return reply

    def _called_back(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            arguments: list[Any] = [decode(a, self._lookup) for a in message["args"]]
            value = self._callbacks[int(message["callback"])](*arguments)
            return {"value": encode(value, self._keep)}
        except Exception as error:
            # The test's function may raise anything; the program gets to see that it did.
            return {"raised": [], "message": f"{type(error).__name__}: {error}"}

    def _keep(self, value: object) -> dict[str, Any]:
        if isinstance(value, Remote):
            return {"ref": object.__getattribute__(value, "_reference")}
        if callable(value):
            self._callbacks.append(cast("Callable[..., Any]", value))
            return {"callback": len(self._callbacks) - 1}
        raise TypeError(f"a test passes a {type(value).__name__}, which cannot be sent")

    def _lookup(self, data: dict[str, Any]) -> "Remote":
        reference = data.get("ref")
        if not isinstance(reference, int):
            raise Undecodable("an unknown form")
        return Remote(self, reference, str(data.get("type"))[:80])


def _exception(reply: dict[str, Any]) -> BaseException:
    """Return the nearest built-in exception; never one that would end the tester."""
    message = str(reply.get("message"))[:300]
    names = reply["raised"]
    for name in cast("list[Any]", names) if isinstance(names, list) else ():
        kind = getattr(builtins, name, None) if isinstance(name, str) else None
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception:
            try:
                return kind(message)
            except TypeError:
                break
    return ProgramError(message)


def _update(argument: Any, after: Any) -> None:
    """Make a list, dict or set what the program made of its copy."""
    if type(argument) is not type(after):
        return
    if isinstance(argument, list):
        argument[:] = after
    elif isinstance(argument, (dict, set)):
        known = cast("Any", argument)
        known.clear()
        known.update(after)


class Remote:
    """An object that lives in the program.

    It equals other objects of the program if the program says so, and never equals plain
    data: the program must not decide whether its result is the expected one.
    """

    def __init__(self, peer: Peer, reference: int, kind: str) -> None:
        self._peer = peer
        self._reference = reference
        self._kind = kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object in the program."""
        return self._peer.call(self._reference, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return self._peer.operate("attribute", self._reference, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._peer.operate("items", self._reference))

    def __len__(self) -> int:
        return int(self._peer.operate("length", self._reference))

    def __getitem__(self, key: Any) -> Any:
        return self._peer.operate("item", self._reference, key)

    def __bool__(self) -> bool:
        return self._peer.operate("truth", self._reference) is True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Remote):
            return False
        if other._reference == self._reference:
            return True
        return self._peer.operate("equal", self._reference, other) is True

    def __hash__(self) -> int:
        return hash(self._reference)

    def __str__(self) -> str:
        return str(self._peer.operate("text", self._reference))

    def __repr__(self) -> str:
        return f"<{self._kind} of the program>"
