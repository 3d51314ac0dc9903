import json
import logging
from collections.abc import Iterator

import pytest

from storage.logs import configure_logging, current_request, current_tenant


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("files", "info")
    logging.getLogger("some.module").info("file stored", extra={"bytes": 3})
    logging.getLogger("some.module").debug("not asked for")
    (event,) = logged(capsys)
    assert {
        "level": "INFO",
        "logger": "some.module",
        "message": "file stored",
        "bytes": 3,
        "role": "files",
    }.items() <= (event.items())
    assert "time" in event
    assert "request_id" not in event


def test_an_event_names_the_request_and_the_tenant_that_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("files", "INFO")
    request, tenant = current_request.set("r1"), current_tenant.set("acme")
    try:
        logging.getLogger("x").info("one")
        logging.getLogger("x").info("two", extra={"tenant": "other"})
    finally:
        current_request.reset(request)
        current_tenant.reset(tenant)
    first, second = logged(capsys)
    assert (first["request_id"], first["tenant"]) == ("r1", "acme")
    assert second["tenant"] == "other"
