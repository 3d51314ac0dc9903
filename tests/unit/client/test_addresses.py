import pytest

import muniment
from muniment.calls import Call, reads_nothing
from muniment.connection import Connection
from muniment.endpoints import GATEWAY_BODY_LIMIT, Endpoints, find_endpoints
from muniment.file_calls import get_file, upload_file
from muniment.upload_source import NewFile


def found(*urls: str | None, **environment: str) -> Endpoints:
    url, files_url, extraction_url = (*urls, None, None, None)[:3]
    return find_endpoints(url, files_url, extraction_url, environment)


def test_without_anything_this_machines_ports_are_used() -> None:
    assert found() == Endpoints(
        files="http://127.0.0.1:8001", extraction="http://127.0.0.1:8002", uploads="http://127.0.0.1:8001"
    )


def test_a_gateway_leads_to_both_services() -> None:
    endpoints = found("http://host:8000/")
    assert (endpoints.files, endpoints.extraction) == ("http://host:8000/files", "http://host:8000/extraction")


def test_a_large_upload_needs_an_address_that_the_gateway_must_tell() -> None:
    endpoints = found("http://host:8000")
    assert endpoints.upload_base(GATEWAY_BODY_LIMIT) == endpoints.files
    assert endpoints.upload_base(GATEWAY_BODY_LIMIT + 1) is None
    assert endpoints.upload_base(None) is None


def test_a_services_own_port_wins_over_the_gateway() -> None:
    endpoints = found("http://host:8000", "http://files:1", None)
    assert (endpoints.files, endpoints.uploads) == ("http://files:1", "http://files:1")
    assert endpoints.extraction == "http://host:8000/extraction"


def test_the_environment_counts_only_when_nothing_is_named() -> None:
    environment = {"MUNIMENT_URL": "http://env:8000", "MUNIMENT_FILES_URL": "http://env:1"}
    assert found(**environment).files == "http://env:1"
    assert found("http://named:8000", **environment).files == "http://named:8000/files"


def connection(**environment: str) -> Connection:
    return Connection.find("http://host:8000", None, None, None, None, 60, None, environment)


def test_key_and_tenant_come_from_the_environment() -> None:
    known = connection(MUNIMENT_API_KEY="mk_secret", MUNIMENT_TENANT="acme")
    assert known.tenant_code(None) == "acme"
    assert known.tenant_code("other") == "other"
    call = Call("files", "GET", "/v1/tenants", reads_nothing)
    assert known.request_arguments(call)["headers"]["Authorization"] == "Bearer mk_secret"
    assert "mk_secret" not in repr(known)


def test_without_a_tenant_the_client_says_what_is_missing() -> None:
    with pytest.raises(muniment.NotConfigured, match="MUNIMENT_TENANT"):
        connection().tenant_code(None)


def test_an_upload_is_addressed_by_the_size_of_its_whole_body() -> None:
    known = connection()
    known.endpoints.uploads = "http://host:8001"
    fits = upload_file("acme", NewFile.of(bytes(GATEWAY_BODY_LIMIT), name="x.bin"))
    with_a_form_around = upload_file("acme", NewFile.of(bytes(GATEWAY_BODY_LIMIT), name="x.bin", tags=["a"]))
    assert known.url_of(fits) == "http://host:8000/files/v1/tenants/acme/files"
    assert known.url_of(with_a_form_around) == "http://host:8001/v1/tenants/acme/files"


def test_a_long_poll_has_its_time_on_top() -> None:
    call = Call("extraction", "GET", "/v1", reads_nothing, waits=30)
    assert connection().request_arguments(call)["timeout"].read == 90


def test_a_code_or_an_id_cannot_lead_elsewhere() -> None:
    assert get_file("../operations", "a/../b?c").path == "/v1/tenants/..%2Foperations/files/a%2F..%2Fb%3Fc"
