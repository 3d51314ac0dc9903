"""Errors cross processes, and say in words what happened."""

import inspect
import pickle
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from serve_apps import request_errors
from serve_apps.problems import STATUS_OF
from storage import errors, resumable_errors, upload_errors
from storage.errors import InvalidFields, MunimentError


def classes() -> Iterator[type[MunimentError]]:
    for module in (errors, upload_errors, resumable_errors, request_errors):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, MunimentError) and found is not MunimentError and found.__module__ == module.__name__:
                yield found


def example(kind: type[MunimentError]) -> MunimentError:
    if kind.__init__ is Exception.__init__:
        return kind()
    values = []
    for parameter in list(inspect.signature(kind).parameters.values()):
        text = str(parameter.annotation)
        values.append((("/a", "wrong"),) if "tuple" in text else 7 if "int" in text else "some-text")
    return kind(*values)


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_a_trip_between_processes(kind: type[MunimentError]) -> None:
    error = example(kind)
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(arrived) is kind
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_an_error_speaks_in_sentences_and_has_a_status(kind: type[MunimentError]) -> None:
    assert str(example(kind))
    assert kind.title
    assert kind.code == kind.code.lower()
    assert 400 <= STATUS_OF[kind] <= 507


def test_a_field_of_its_own_is_named_in_the_message() -> None:
    assert str(InvalidFields((("/a", "is wrong"), ("", "and more")))) == "/a: is wrong; and more"


def test_what_pydantic_found_is_told_with_pointers() -> None:
    class Inner(BaseModel):
        size: int

    class Outer(BaseModel):
        inner: list[Inner]

    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": [{"size": "x"}]})
    assert InvalidFields.of(caught.value, "/below").fields[0][0] == "/below/inner/0/size"


def test_pointers_escape_what_would_separate_them() -> None:
    assert errors.pointer("a/b", "~", 0) == "/a~1b/~0/0"
