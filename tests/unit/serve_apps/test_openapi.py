"""What the services say of themselves can be read by tools."""

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI

from serve_apps.extraction.app import create_app as extraction_app
from serve_apps.files.app import create_app as files_app
from storage.settings import Settings

REFERENCE = re.compile(r'"\$ref": "([^"]+)"')


@pytest.fixture(params=[files_app, extraction_app], ids=["files", "extraction"])
def app(request: pytest.FixtureRequest) -> FastAPI:
    made: FastAPI = request.param(Settings())
    return made


def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    for reference in REFERENCE.findall(json.dumps(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_operations_have_names_of_their_own(app: FastAPI) -> None:
    operations = [operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()]
    assert len(set(operations)) == len(operations)
