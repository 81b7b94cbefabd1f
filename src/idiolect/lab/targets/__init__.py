"""The pretrained targets that ship with the package, as ordinary Hugging Face folders."""

from pathlib import Path

from idiolect.errors import ConfigError, nearest

__all__ = ["TARGETS", "target_folder"]

TARGETS = ("amber", "birch")


def target_folder(name: str) -> Path:
    """Return the folder of `amber` or `birch`; a leading `lab:` is allowed.

    Raises:
        ConfigError: There is no such target, or its files are missing from this installation.
    """
    bare = name.removeprefix("lab:")
    names = [f"lab:{target}" for target in TARGETS]
    if bare not in TARGETS:
        raise ConfigError(
            f"lab: target {name!r} does not exist; allowed: "
            f"{', '.join(names)}{nearest(f'lab:{bare}', names)}"
        )
    folder = Path(__file__).parent / bare
    if not (folder / "model.safetensors").exists():
        raise ConfigError(
            f"{folder}: the weights of lab:{bare} are missing; "
            f"make them: idiolect lab pretrain {bare} -o {folder}"
        )
    return folder
