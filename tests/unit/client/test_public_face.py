"""What users of the package see."""

import inspect
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import muniment
from muniment.async_batches import AsyncBatches
from muniment.async_extractions import AsyncExtractions
from muniment.async_files import AsyncFiles
from muniment.async_tenants import AsyncKeys, AsyncTenants
from muniment.async_webhooks import AsyncWebhooks
from muniment.batches import Batches
from muniment.extractions import Extractions
from muniment.files import Files
from muniment.many_results import AsyncManyResults, ManyResults
from muniment.tenants import Keys, Tenants
from muniment.webhooks import Webhooks

PAIRS: list[tuple[type, type]] = [
    (muniment.Client, muniment.AsyncClient),
    (Tenants, AsyncTenants),
    (Keys, AsyncKeys),
    (Webhooks, AsyncWebhooks),
    (Files, AsyncFiles),
    (Extractions, AsyncExtractions),
    (Batches, AsyncBatches),
    (ManyResults, AsyncManyResults),
]


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    return {name: inspect.signature(method) for name, method in vars(kind).items() if not name.startswith("_")}


@pytest.mark.parametrize(("blocking", "asynchronous"), PAIRS)
def test_both_clients_have_the_same_methods(blocking: type, asynchronous: type) -> None:
    one, other = public_methods(blocking), public_methods(asynchronous)
    assert list(one) == list(other)
    for name in one:
        assert one[name].parameters == other[name].parameters, name
        assert getattr(blocking, name).__doc__ == getattr(asynchronous, name).__doc__
        # What gives one thing after another is iterated, everything else awaited.
        awaited = inspect.iscoroutinefunction(getattr(asynchronous, name))
        iterated = name == "extract_many" or "Iterator" in str(other[name].return_annotation)
        assert awaited or iterated or name == "for_tenant", name


def test_every_public_name_is_there() -> None:
    assert all(hasattr(muniment, name) for name in muniment.__all__)
    assert list(muniment.__all__) == sorted(muniment.__all__)


def test_importing_the_client_needs_no_server() -> None:
    check = (
        "import sys, muniment, muniment.cli\n"
        "heavy = {'ray', 'fastapi', 'starlette', 'pydantic', 'sqlalchemy', 'redis', 'numpy', 'storage', 'actors'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_secrets_are_not_in_what_is_printed() -> None:
    key = muniment.ApiKey("k1", None, (), datetime.now(UTC), secret="mk_k1_hidden")
    assert "hidden" not in repr(key)
    webhook = muniment.Webhook("wh_1", "https://a/", "", (), datetime.now(UTC), secret="whsec_hidden")
    assert "hidden" not in repr(webhook)
