"""Calls that Schemathesis makes from the documents are answered as these say: no defect, no status or form unknown.

`make fuzz` makes many more of them than the suite does.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serve_apps.extraction.app import create_app as extraction_app
from serve_apps.files.app import create_app as files_app
from storage.settings import Settings
from tests.file_service import FileService
from tests.integration.extraction_service import Service
from tests.integration.openapi.generated_calls import Known, Operation, known_calls, operations, send

ASKED_FOR = os.environ.get("MUNIMENT_FUZZ_CALLS", "")
CALLS = int(ASKED_FOR or 8)
"""For each operation: the same in every run of the suite, others in every run of `make fuzz`."""

FILES, EXTRACTION = (list(operations(create_app(Settings()))) for create_app in (files_app, extraction_app))
# Streams end with their job, and none ends here: theirs are found by no id.
STREAMS = "/events"

many = settings(
    max_examples=CALLS,
    derandomize=not ASKED_FOR,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    database=None,
)


def named(operation: Operation) -> str:
    return str(operation.label)


@pytest.mark.parametrize("operation", FILES, ids=named)
@many
@given(data=st.data())
async def test_the_file_service_answers_as_its_document_says(
    files: FileService, known_files: Known, operation: Operation, data: st.DataObject
) -> None:
    await send(files.http, data.draw(known_calls(operation, known_files)))


@pytest.mark.parametrize("operation", EXTRACTION, ids=named)
@many
@given(data=st.data())
async def test_the_extraction_service_answers_as_its_document_says(
    extraction: Service, known_extractions: Known, operation: Operation, data: st.DataObject
) -> None:
    known = known_extractions
    if operation.path.endswith(STREAMS):
        known = Known({"code": known.path_parameters["code"]}, known.keys)
    await send(extraction.client, data.draw(known_calls(operation, known)))
