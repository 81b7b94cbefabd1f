"""This machine: Python and its packages, disk, caches, GPU, the sandbox."""

import dataclasses
import os
import platform
import re
import shutil
import sys
from importlib import metadata, util
from pathlib import Path

from idiolect.config import Config
from idiolect.errors import ConfigError
from idiolect.models.cache import cache_folder
from idiolect.pipeline.doctor.checks import Check, gibibytes, problem
from idiolect.verification.sandbox import find_sandbox

__all__ = ["check_machine"]

_EXTRA = re.compile(r"""([\w.-]+)(?:\[.*?\])?([^;]*);.*\bextra == ["'](\w+)["']""")
"""A requirement of an extra: package, versions, extra."""

_NOT_FOR_USERS = ("all", "bench", "dev")

_DISK_PROBLEM = 200 * 2**20
_DISK_WARNING = 2 * 2**30


def check_machine(config: Config) -> list[Check]:
    """Look at everything that does not depend on a model."""
    runs = Path(config.output_dir or "runs")
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return [
        _python(),
        *_packages(config),
        _folder("run directory", runs, "--output-dir"),
        _folder("model cache", cache, "HF_HOME"),
        _folder("response cache", cache_folder(), "IDIOLECT_CACHE_DIR"),
        _gpu(config),
        _sandbox(config),
    ]


def _python() -> Check:
    return Check(
        name="python",
        status="ok",
        found=f"{platform.python_version()} at {sys.executable}, idiolect {_version('idiolect')}",
    )


def _packages(config: Config) -> list[Check]:
    """Look for every package that an extra installs, as a part of the smallest one that does.

    Metadata may list the packages of an extra again under each extra that includes it.
    """
    extras: dict[str, dict[str, str]] = {}
    for text in metadata.requires("idiolect") or []:
        match = _EXTRA.match(text)
        if match and match[3] not in _NOT_FOR_USERS and match[1] != "idiolect":
            extras.setdefault(match[3], {})[match[1]] = match[2].strip()
    wanted: dict[str, tuple[str, str]] = {}
    for extra in sorted(extras, key=lambda name: (len(extras[name]), name)):
        for package, versions in extras[extra].items():
            wanted.setdefault(package, (versions, extra))
    return [_package(name, *wanted[name], config) for name in sorted(wanted)]


def _package(name: str, wanted: str, extra: str, config: Config) -> Check:
    version = _version(name)
    if version and _suits(version, wanted):
        return Check(name=name, status="ok", found=version)
    # The weights of a server are not loaded here; its words are cut into tokens here.
    needed = extra == "local" and bool(config.target.model)
    needed = needed and (name == "transformers" or not config.target.server)
    if version:
        return Check(
            name=name,
            status="problem" if needed else "warning",
            found=f"{version}, idiolect wants {wanted}",
            fix=f'pip install "{name}{wanted}"',
        )
    return Check(
        name=name,
        status="problem" if needed else "warning",
        found="not installed",
        fix=f'pip install "idiolect[{extra}]"' + ("" if needed else ", where it is wanted"),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _suits(version: str, wanted: str) -> bool:
    if util.find_spec("packaging") is None:
        return True
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)


def _folder(name: str, folder: Path, setting: str) -> Check:
    """Look whether a folder can be written to, and at the room on its disk."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        return Check(
            name=name,
            status="problem",
            found=f"{folder}: cannot be written to",
            fix=f"check the permissions of {place}, or choose another folder with {setting}",
        )
    free = shutil.disk_usage(place).free
    room = f"{folder}: writable, {gibibytes(free)} free"
    if free < _DISK_WARNING:
        return Check(
            name=name,
            status="problem" if free < _DISK_PROBLEM else "warning",
            found=room,
            fix=f"free some space, or choose a folder on another disk with {setting}",
        )
    return Check(name=name, status="ok", found=room)


def _gpu(config: Config) -> Check:
    wanted = config.target.device == "cuda"
    if util.find_spec("torch") is None:
        return Check(
            name="gpu",
            status="problem" if wanted else "ok",
            found="not looked for, because torch is not installed",
            fix='pip install "idiolect[local]"' if wanted else None,
        )
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return Check(
            name="gpu",
            status="ok",
            found=f"{torch.cuda.get_device_name()}, {gibibytes(free)} of {gibibytes(total)} free",
        )
    if wanted or shutil.which("nvidia-smi"):
        return Check(
            name="gpu",
            status="problem" if wanted else "warning",
            found=f"torch {torch.__version__} sees none",
            fix="install a torch for this driver's CUDA, or set target.device to cpu",
        )
    return Check(name="gpu", status="ok", found="none; models run on the CPU in float32")


def _sandbox(config: Config) -> Check:
    try:
        sandbox = find_sandbox()
    except ConfigError as error:
        found = problem("sandbox", error)
        return dataclasses.replace(
            found,
            status="problem" if config.verifier == "code" else "warning",
            found=found.found.removeprefix("code verifier: "),
            fix=f"{found.fix} (needed only to check generated programs)",
        )
    return Check(name="sandbox", status="ok", found=f"{sandbox.name} runs a test program")
