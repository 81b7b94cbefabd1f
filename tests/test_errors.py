import inspect

import pytest

from idiolect import errors
from idiolect.errors import (
    BackendError,
    BudgetError,
    ConfigError,
    DataError,
    IdiolectError,
    MissingExtra,
    RunError,
    StorageError,
    TemplateError,
    nearest,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 3),
        (TemplateError, 3),
        (RunError, 3),
        (DataError, 3),
        (MissingExtra, 3),
        (BackendError, 1),
        (StorageError, 1),
        (BudgetError, 2),
    ],
)
def test_each_branch_of_the_tree_has_its_documented_exit_code(kind, code):
    assert kind.exit_code == code


def test_every_error_of_the_module_is_in_the_tree_that_its_docstring_draws():
    kinds = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, IdiolectError)
    ]
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        (ConfigError, ValueError),
        (DataError, ValueError),
        (BackendError, RuntimeError),
        (StorageError, OSError),
    ],
)
def test_an_error_can_be_caught_as_the_standard_one_that_it_replaces(kind, standard):
    with pytest.raises(standard):
        raise kind("x")


def test_a_missing_extra_names_the_line_that_installs_it():
    error = MissingExtra("torch", "local", "a target on this machine")
    assert str(error) == (
        "a target on this machine needs the package 'torch', which is not installed; "
        'run: pip install "idiolect[local]"'
    )
    assert isinstance(error, ImportError)


def test_the_nearest_name_is_suggested_and_none_where_nothing_is_near():
    assert nearest("numerik", ["numeric", "exact"]) == "; did you mean 'numeric'?"
    assert nearest("zzz", ["numeric", "exact"]) == ""
