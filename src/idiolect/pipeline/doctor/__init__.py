"""`doctor`: is everything there, and is what is trained what was scored?"""

from importlib import util

from idiolect.config import Config
from idiolect.data.read import read_dataset
from idiolect.errors import IdiolectError
from idiolect.pipeline.doctor.asked import check_asked
from idiolect.pipeline.doctor.checks import Check, Diagnosis, ShownToken, problem
from idiolect.pipeline.doctor.machine import check_machine
from idiolect.pipeline.doctor.template import check_template
from idiolect.pipeline.doctor.weights import check_weights
from idiolect.records import Example

__all__ = ["Check", "Diagnosis", "ShownToken", "doctor"]


def doctor(config: Config) -> Diagnosis:
    """Look at target, data and machine. No weights are loaded, nothing is generated or paid."""
    checks: list[Check] = []
    examples: tuple[Example, ...] = ()
    if config.data.path:
        check, examples = _data(config)
        checks.append(check)
    row: tuple[ShownToken, ...] = ()
    if not config.target.model:
        checks.append(
            Check(
                name="target",
                status="warning",
                found="none was named, so template and weights were not looked at",
                fix="name a folder or hub id with --target",
            )
        )
    elif util.find_spec("transformers") is not None:
        found, row = check_template(config.target, examples)
        checks += [*found, *check_weights(config.target)]
    return Diagnosis(checks=(*checks, *check_asked(config), *check_machine(config)), row=row)


def _data(config: Config) -> tuple[Check, tuple[Example, ...]]:
    try:
        dataset = read_dataset(config.data)
    except IdiolectError as error:
        return problem("data", error), ()
    found = f"{len(dataset.examples)} examples of {dataset.source} ({'; '.join(dataset.mapping)})"
    if dataset.problems:
        return Check(
            name="data",
            status="warning",
            found=f"{found}; {len(dataset.problems)} rows cannot be used",
            fix=dataset.problems[0].message,
        ), dataset.examples
    return Check(name="data", status="ok", found=found), dataset.examples
