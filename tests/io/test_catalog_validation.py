"""Validators that datasets declare see data after loading and before saving."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.support.io_catalog import HERE, Counter

from pellucid.exceptions import DatasetError, DataValidationError, ValidationConfigurationError
from pellucid.io import DataCatalog, MemoryDataset


def catalog_with(validator: Any, **options: Any) -> DataCatalog:
    return DataCatalog.from_config({"x": {"type": "MemoryDataset", "validator": validator}}, **options)


@pytest.mark.parametrize(
    ("validator", "saved", "loaded"),
    [
        (f"{HERE}.double", 2, 4),
        ({"class": f"{HERE}.double", "on": "load"}, 1, 2),
        ({"class": f"{HERE}.double", "on": ["save"]}, 2, 2),
        ({"class": f"{HERE}.double", "enabled": False}, 1, 1),
        (f"{HERE}.Scaler", 2, 4),
        ({"class": f"{HERE}.Scaler", "options": {"factor": 3}}, 3, 9),
        (f"{HERE}.scaler", 5, 25),
        (f"{HERE}.look", 1, 1),
    ],
)
def test_what_a_validator_returns_is_the_data(validator: Any, saved: int, loaded: int) -> None:
    catalog = catalog_with(validator)
    catalog.save("x", 1)
    assert catalog["x"].load() == saved
    assert catalog.load("x") == loaded


def test_a_class_that_validates_by_itself_is_used_as_it_is() -> None:
    catalog = catalog_with({"class": f"{HERE}.RefusingModel", "options": {"head": 1}})
    catalog.save("x", [1, 2])
    assert catalog.load("x") == [1]
    with pytest.raises(DataValidationError, match="ValueError: not valid"):
        catalog_with(f"{HERE}.RefusingModel").save("x", 1)


def test_data_that_is_refused_is_neither_saved_nor_loaded() -> None:
    catalog = catalog_with(f"{HERE}.refuse")
    with pytest.raises(DataValidationError) as caught:
        catalog.save("x", 1)
    assert str(caught.value) == f"x: the validator '{HERE}.refuse' refuses the data on save: ValueError: 1 is not valid"
    assert isinstance(caught.value, DatasetError)
    assert not catalog.exists("x")
    catalog["x"].save(2)
    with pytest.raises(DataValidationError, match="on load: ValueError: 2 is not valid"):
        catalog.load("x")


def test_severity_warn_logs_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    catalog = catalog_with({"class": f"{HERE}.refuse", "severity": "warn"})
    catalog.save("x", 1)
    assert catalog.load("x") == 1
    assert [("on save" in text, "on load" in text) for text in caplog.messages] == [(True, False), (False, True)]


def test_what_was_just_saved_need_not_be_looked_at_again() -> None:
    Counter.seen.clear()
    catalog = catalog_with({"class": f"{HERE}.Counter", "skip_load_after_save": True})
    catalog["x"].save(0)
    catalog.load("x")
    catalog.save("x", 1)
    catalog.load("x")
    assert Counter.seen == [0, 1]
    pickle.loads(pickle.dumps(catalog)).load("x")
    assert Counter.seen == [0, 1, 1]


def test_validation_can_be_switched_off() -> None:
    catalog = catalog_with(f"{HERE}.refuse", validation_enabled=False)
    catalog.save("x", 1)
    assert catalog.load("x") == 1
    assert list(catalog.validator_specs) == ["x"]


def test_validators_of_patterns_are_known_once_their_dataset_is_made() -> None:
    config = {"{name}_p": {"type": "MemoryDataset", "validator": {"class": HERE + ".{name}"}}}
    catalog = DataCatalog.from_config(config)
    assert catalog.validators == {}
    catalog.save("double_p", 1)
    assert catalog.load("double_p") == 4
    assert catalog.validators == {"double_p": f"{HERE}.double"}


def test_a_dataset_that_takes_the_name_takes_no_validator() -> None:
    catalog = catalog_with(f"{HERE}.refuse")
    catalog["x"] = MemoryDataset(1)
    assert catalog.load("x") == 1
    assert catalog.validators == {}


FULL = {
    "class": f"{HERE}.Scaler",
    "on": ["load"],
    "severity": "warn",
    "enabled": False,
    "skip_load_after_save": True,
    "options": {"factor": 3},
}


def test_validators_are_written_back_as_they_were_declared() -> None:
    note = {"type": f"{HERE}.NoteDataset", "filepath": "f"}
    catalog = DataCatalog.from_config({"x": {**note, "validator": FULL}, "y": {**note, "validator": "a.b"}})
    assert catalog.validators == {"x": FULL, "y": "a.b"}
    catalog["x"]
    assert catalog.to_config()[0] == {"x": {**note, "validator": FULL}, "y": {**note, "validator": "a.b"}}


@pytest.mark.parametrize(
    ("validator", "problem"),
    [
        (5, "it is a int, and should be a dotted name or a mapping with 'class'."),
        (["a.b"], "it is a list, and should be"),
        (None, "it is a NoneType, and should be"),
        ({"klass": "a.b"}, "there is no key 'klass'. Did you mean 'class'?"),
        ({"qqq": "a.b"}, "there is no key 'qqq'. There are class, enabled, on,"),
        ({"on": "load"}, "'class' must be the dotted name of a class or function."),
        ({"class": 5}, "'class' must be the dotted name"),
        ({"class": "a.b", "on": "lode"}, "'on' must be 'load', 'save' or both."),
        ({"class": "a.b", "on": []}, "'on' must be"),
        ({"class": "a.b", "on": 5}, "'on' must be"),
        ({"class": "a.b", "severity": "info"}, "'severity' must be 'error' or 'warn', not 'info'."),
        ({"class": "a.b", "enabled": "yes"}, "'enabled' must be true or false, not 'yes'."),
        ({"class": "a.b", "skip_load_after_save": 1}, "'skip_load_after_save' must be true or false, not 1."),
        ({"class": "a.b", "options": [1]}, "'options' must be a mapping."),
    ],
)
def test_a_wrong_declaration_is_refused_when_the_catalog_is_made(validator: Any, problem: str) -> None:
    with pytest.raises(ValidationConfigurationError) as caught:
        catalog_with(validator)
    assert str(caught.value).startswith(f"The validator of the dataset 'x' is declared wrongly: {problem}")


@pytest.mark.parametrize(
    ("validator", "problem"),
    [
        ("no.such", "cannot be imported: ModuleNotFoundError"),
        (f"{HERE}.nope", "cannot be imported: AttributeError"),
        ("nope", "cannot be imported: ValueError"),
        (f"{HERE}.WithoutValidate", "cannot be used: it is a class without 'validate'."),
        (f"{HERE}.a_number", "cannot be used: it has no 'validate', and cannot be called."),
        ({"class": f"{HERE}.double", "options": {"a": 1}}, "it is a function, which takes no options"),
        ({"class": f"{HERE}.Scaler", "options": {"a": 1}}, "it cannot be made: TypeError"),
    ],
)
def test_a_validator_that_cannot_be_used_is_named_when_it_is_needed(validator: Any, problem: str) -> None:
    catalog = catalog_with(validator)
    with pytest.raises(ValidationConfigurationError, match="of the dataset 'x'") as caught:
        catalog.save("x", 1)
    assert problem in str(caught.value)
