"""Places where untrusted programs run: bubblewrap, or a container of Docker or Podman.

A sandbox starts the package's `inside` folder, sends it frames and reads its lines. Inside
there is no network, a read-only system, an empty home and environment, a small private /tmp,
and limits on time, memory, processes, files and output. Whatever is left at the end of the
time is killed with its process group.
"""

import compileall
import functools
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from idiolect.errors import ConfigError
from idiolect.verification.processes import Outcome, run_limited

__all__ = ["Bubblewrap", "Container", "Limits", "Sandbox", "find_sandbox"]

_INSIDE = Path(__file__).parent / "inside"
_START = (
    "import sys; sys.path.insert(0, '/harness'); "
    "from idiolect.verification.inside.tester import main; main()"
)
_MOUNTED = "/harness/idiolect/verification/inside"
_INSTALL = (
    "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install "
    "bubblewrap), or start Docker or Podman"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use."""

    wall_s: float = 10.0
    cpu_s: int = 10
    """For each of the two processes, tester and program."""

    memory_mib: int = 512
    """Address space of each process."""

    processes: int = 6
    """Processes and threads inside, the two of ours and the sandbox's first one included. Together
    with `memory_mib` this bounds what one program can take."""

    file_mib: int = 8
    """The size of /tmp, and of any file in it."""

    output_bytes: int = 1024 * 1024

    def as_job(self) -> dict[str, int]:
        """Return the limits that are set from inside."""
        return {
            "cpu_s": self.cpu_s,
            "memory_bytes": self.memory_mib * 1024 * 1024,
            "file_bytes": self.file_mib * 1024 * 1024,
            "processes": self.processes,
        }


class Sandbox(Protocol):
    """Runs the tester on one job."""

    @property
    def name(self) -> str:
        """What the sandbox is called in messages and in a run's manifest."""
        ...

    def run(self, frames: Sequence[dict[str, Any]], limits: Limits) -> Outcome:
        """Send the frames and return what was written. Never raises for what runs inside."""
        ...


def _stdin(frames: Sequence[dict[str, Any]]) -> bytes:
    payloads = [json.dumps(frame).encode() for frame in frames]
    return b"".join(len(p).to_bytes(4, "big") + p for p in payloads)


class Bubblewrap:
    """Linux namespaces through `bwrap`: no daemon, no image, milliseconds to start."""

    name = "bubblewrap"

    def __init__(self, program: str = "bwrap") -> None:
        self._program = program

    def run(self, frames: Sequence[dict[str, Any]], limits: Limits) -> Outcome:
        """Send the frames and return what was written."""
        arguments = [*self._arguments(limits), _python(), "-E", "-s", "-S", "-B", "-c", _START]
        return run_limited(
            arguments, _stdin(frames), wall_s=limits.wall_s, output_bytes=limits.output_bytes
        )

    def _arguments(self, limits: Limits) -> list[str]:
        known = _bubblewrap_options(self._program)
        arguments = [self._program, "--unshare-all", "--unshare-user"]
        arguments += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
        arguments += ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
        if "--disable-userns" in known:
            arguments.append("--disable-userns")
        arguments += _system_mounts()
        arguments += ["--ro-bind", str(_INSIDE), _MOUNTED, "--dev", "/dev", "--remount-ro", "/dev"]
        # Older versions cannot limit the size of /tmp; there it stays read-only.
        if "--size" in known:
            arguments += ["--size", str(limits.file_mib * 1024 * 1024), "--tmpfs", "/tmp"]
        else:
            arguments += ["--dir", "/tmp"]
        # There is no /proc: programs see neither each other nor the machine.
        return [*arguments, "--remount-ro", "/", "--setenv", "HOME", "/tmp", "--chdir", "/tmp"]


@functools.cache
def _bubblewrap_options(program: str) -> frozenset[str]:
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    return frozenset(word for word in text.split() if word.startswith("--"))


@functools.cache
def _system_mounts() -> tuple[str, ...]:
    """Return the mounts of the system's libraries and of this Python, all read-only."""
    mounts: list[str] = []
    for folder in ("/usr", "/lib", "/lib64", "/bin"):
        path = Path(folder)
        if path.is_symlink():
            mounts += ["--symlink", os.readlink(path), folder]
        elif path.is_dir():
            mounts += ["--ro-bind", folder, folder]
    if Path("/etc/ld.so.cache").exists():
        mounts += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    base = os.path.realpath(sys.base_prefix)
    if not Path(base).is_relative_to("/usr"):
        mounts += ["--ro-bind", base, base]
    return tuple(mounts)


@functools.cache
def _python() -> str:
    """Return this interpreter outside of any virtual environment."""
    base = Path(os.path.realpath(sys.base_prefix)) / "bin"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in (version, "python3", "python"):
        if (base / name).exists():
            return str(base / name)
    return os.path.realpath(sys.executable)


class Container:
    """A container of Docker or Podman. The image needs nothing but Python 3.11 or newer."""

    def __init__(self, program: str, image: str = "python:3.11-slim") -> None:
        self.name = program
        self._image = image

    def run(self, frames: Sequence[dict[str, Any]], limits: Limits) -> Outcome:
        """Send the frames and return what was written."""
        label = f"idiolect-{uuid.uuid4().hex}"
        try:
            return run_limited(
                self._arguments(label, limits),
                _stdin(frames),
                wall_s=limits.wall_s + 5.0,
                output_bytes=limits.output_bytes,
            )
        finally:
            # The client dies with its process group, the container would not.
            subprocess.run([self.name, "rm", "--force", label], capture_output=True, check=False)

    def _arguments(self, label: str, limits: Limits) -> list[str]:
        memory = f"{limits.memory_mib * 2}m"
        return [
            *(self.name, "run", "--rm", "--interactive", "--name", label, "--pull", "never"),
            *("--network", "none", "--read-only", "--tmpfs", f"/tmp:rw,size={limits.file_mib}m"),
            *("--memory", memory, "--memory-swap", memory, "--cpus", "1"),
            *("--pids-limit", str(limits.processes + 4), "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--user", "65534:65534"),
            *("--ulimit", "nofile=256:256", "--ulimit", "core=0:0", "--ulimit", "nproc=256:256"),
            *("--ipc", "private", "--env", "HOME=/tmp", "--workdir", "/tmp"),
            *("--volume", f"{_INSIDE}:{_MOUNTED}:ro", self._image),
            *("timeout", "-s", "KILL", str(limits.wall_s)),
            *("python3", "-E", "-s", "-S", "-B", "-c", _START),
        ]


def find_sandbox() -> Sandbox:
    """Return the first sandbox that works here, tried with a program that should pass.

    Raises:
        ConfigError: there is none. Generated code then does not run at all.
    """
    # Compiled once here, because the read-only copy in a sandbox could not be.
    compileall.compile_dir(_INSIDE, quiet=2)
    found: list[str] = []
    candidates: list[Sandbox] = []
    if shutil.which("bwrap"):
        candidates.append(Bubblewrap())
    candidates += [Container(p) for p in ("docker", "podman") if shutil.which(p)]
    for sandbox in candidates:
        problem = _problem(sandbox)
        if problem is None:
            return sandbox
        found.append(f"{sandbox.name}: {problem}")
    raise ConfigError(
        "code verifier: no sandbox to run generated code in was found "
        f"({'; '.join(found) or 'bwrap, docker and podman are not installed'}); {_INSTALL}"
    )


@functools.cache
def _problem(sandbox: Sandbox) -> str | None:
    """Return why a sandbox does not work, or None."""
    job = {"variants": ["def f():\n    return 1\n"], "names": ["f"], **Limits().as_job()}
    suite = {
        "names": ["f"],
        "modules": [],
        "imports": [],
        "prompt": "",
        "setup": "",
        "tokens": ["t"],
    }
    outcome = sandbox.run([job, {**suite, "tests": ["assert f() == 1"]}], Limits())
    if '"passed"' in outcome.stdout.decode("utf-8", "replace"):
        return None
    return outcome.stderr.decode("utf-8", "replace").strip()[-200:] or "does not start"
