"""Models that are asked over a server: teacher and judge. Nothing is generated, nothing is paid."""

import dataclasses

from idiolect.config import Config, HelperConfig, TargetConfig
from idiolect.errors import IdiolectError
from idiolect.models.registry import open_teacher, server_of
from idiolect.pipeline.doctor.checks import Check, problem
from idiolect.pipeline.doctor.weights import check_weights

__all__ = ["check_asked"]


def check_asked(config: Config) -> list[Check]:
    """Look at every model that the configuration names beside the target."""
    more = ((f"teachers.{name}", each) for name, each in config.teachers.items())
    named = (("teacher", config.teacher), *more, ("judge", config.judge))
    checks: list[Check] = []
    for section, model in named:
        if not model.model:
            continue
        if ":" in model.model:
            checks.append(_check(section, model, config))
            continue
        local = check_weights(TargetConfig(model.model))
        checks += [dataclasses.replace(c, name=f"{section} {c.name}") for c in local]
    return checks


def _check(section: str, model: HelperConfig, config: Config) -> Check:
    name = model.model or ""
    try:
        server = server_of(model, section=section)
        opened = open_teacher(model, prices=config.prices, section=section)
        getattr(opened, "close", lambda: None)()
    except IdiolectError as error:
        return problem(section, error)
    if server is None:
        return Check(name=section, status="ok", found=f"{name}: in the package")
    kind, served, url = server
    if kind != "openai":
        return Check(
            name=section, status="ok", found=f"{name}: the key is set; {url} was not asked"
        )
    return _reach(section, name, served, url)


def _reach(section: str, name: str, served: str, url: str) -> Check:
    """Ask a server for the list of its models, which costs nothing."""
    from idiolect.scoring.server import Server

    server = Server(url, retries=0, timeout_s=10.0)
    try:
        server.model(served)
    except IdiolectError as error:
        found = problem(section, error)
        return dataclasses.replace(
            found,
            found=f"{name}: {found.found}",
            fix=f"start the server, or check {section}.model and the key",
        )
    finally:
        server.close()
    return Check(name=section, status="ok", found=f"{name}: {url} offers it")
