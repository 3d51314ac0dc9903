from uuid import UUID

import pytest

from storage import cache_keys
from storage.identifiers import is_id, new_id


def test_an_id_says_what_it_names_and_is_never_made_twice() -> None:
    made = {new_id("fs") for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_id("fs", identifier) for identifier in made)


@pytest.mark.parametrize(
    "text", ["", "fs_", "fs_1", "op_" + "a" * 25, "fs_" + "a" * 26, "fs_" + "A" * 25, "fs_" + "a" * 24 + "\0", "fs_é"]
)
def test_what_was_not_made_as_an_id_is_none(text: str) -> None:
    assert not is_id("fs", text)


def test_everything_cached_of_a_tenants_data_carries_its_id() -> None:
    tenant_id = UUID(int=7)
    for key in (cache_keys.file_key(tenant_id, "fs_1"), cache_keys.result_key(tenant_id, "ex_1")):
        assert str(tenant_id) in key
    assert cache_keys.tenant_key("acme") != cache_keys.api_key_key("acme")
