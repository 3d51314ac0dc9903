from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storage.tenant_configuration import TenantConfiguration


def test_everything_is_optional_and_read_with_its_default() -> None:
    read = TenantConfiguration.model_validate({}).model_dump(mode="json")
    assert read["archive"] == {
        "max_nesting_depth": 3,
        "max_entries": 10_000,
        "max_uncompressed_bytes": 4 * 2**30,
        "max_compression_ratio": 100,
        "allow_encrypted": False,
    }
    assert (read["duplicate_policy"], read["isolation"]) == ("allow", "pooled")
    assert read["rate_limit"] == {"requests_per_minute": None, "upload_bytes_per_minute": None}
    assert read["extraction"] == {"max_running": 32, "priority_weight": 1}


def test_only_what_was_set_is_stored_and_reading_it_again_gives_the_same() -> None:
    configuration = TenantConfiguration.created_from(
        {"allowed_extensions": ["PDF", ".Docx", "pdf"], "archive": {"max_entries": 5}, "max_files": None}
    )
    assert configuration.stored() == {
        "allowed_extensions": [".pdf", ".docx"],
        "archive": {"max_entries": 5},
    }
    assert TenantConfiguration.model_validate(configuration.stored()) == configuration


@pytest.mark.parametrize(
    "bad",
    [
        {"unknown": 1},
        {"archive": {"unknown": 1}},
        {"max_file_size_bytes": 0},
        {"max_file_size_bytes": -5},
        {"max_file_size_bytes": True},
        {"max_file_size_bytes": "10"},
        {"max_total_bytes": 2**63},
        {"max_files": 1.5},
        {"allowed_extensions": ".pdf"},
        {"allowed_extensions": ["p df"]},
        {"allowed_extensions": ["."]},
        {"allowed_extensions": [".tar.gz"]},
        {"denied_extensions": ["../x"]},
        {"denied_extensions": ["\u212a"]},
        {"denied_extensions": ["x" * 17]},
        {"denied_extensions": [1]},
        {"denied_extensions": ["a"] * 1001},
        {"allowed_media_types": ["image"]},
        {"allowed_media_types": ["*/png"]},
        {"allowed_media_types": ["text/plain; charset=utf-8"]},
        {"denied_media_types": ["text/pl\u00e4in"]},
        {"archive": {"max_nesting_depth": -1}},
        {"archive": {"max_nesting_depth": 17}},
        {"archive": {"max_compression_ratio": 0.5}},
        {"archive": {"max_compression_ratio": float("inf")}},
        {"archive": {"allow_encrypted": "yes"}},
        {"duplicate_policy": "maybe"},
        {"isolation": "alone"},
        {"rate_limit": {"requests_per_minute": 0}},
        {"extraction": {"max_running": 0}},
        {"extraction": {"priority_weight": 101}},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_place(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TenantConfiguration.created_from(bad)
    assert caught.value.errors()[0]["loc"][0] == next(iter(bad))


def test_a_merge_patch_changes_what_it_names_and_null_brings_the_default_back() -> None:
    before = TenantConfiguration.created_from({"max_files": 3, "archive": {"max_entries": 5, "allow_encrypted": True}})
    after = before.patched({"max_files": None, "archive": {"max_entries": 7}, "isolation": "dedicated"})
    assert after.stored() == {
        "archive": {"max_entries": 7, "allow_encrypted": True},
        "isolation": "dedicated",
    }
    assert before.max_files == 3


def test_extensions_are_allowed_by_list_and_denying_wins() -> None:
    anything = TenantConfiguration.created_from({"denied_extensions": ["exe", ""]})
    assert anything.allows_extension(".pdf")
    assert not anything.allows_extension(".exe")
    assert not anything.allows_extension("")
    some = TenantConfiguration.created_from({"allowed_extensions": ["pdf", "exe"], "denied_extensions": ["exe"]})
    assert some.allows_extension(".pdf")
    assert not some.allows_extension(".exe")
    assert not some.allows_extension(".txt")
    assert not TenantConfiguration.created_from({"allowed_extensions": []}).allows_extension(".pdf")


def test_media_types_are_allowed_by_pattern_and_denying_wins() -> None:
    images = TenantConfiguration.created_from(
        {"allowed_media_types": ["Image/*", "application/pdf"], "denied_media_types": ["image/svg+xml"]}
    )
    assert images.allows_media_type("image/png")
    assert images.allows_media_type("application/pdf")
    assert not images.allows_media_type("image/svg+xml")
    assert not images.allows_media_type("text/plain")
    assert not TenantConfiguration.created_from({"denied_media_types": ["*/*"]}).allows_media_type("a/b")


def test_a_media_type_is_allowed_under_its_other_names() -> None:
    assert TenantConfiguration.created_from({"allowed_media_types": ["image/jpg"]}).allows_media_type("image/jpeg")


tokens = st.from_regex(r"[a-z][a-z0-9+-]{0,8}", fullmatch=True)


@given(tokens, tokens, tokens)
def test_a_wildcard_matches_its_own_top_level_and_no_other(top: str, other: str, sub: str) -> None:
    configuration = TenantConfiguration.created_from({"allowed_media_types": [f"{top}/*"]})
    assert configuration.allows_media_type(f"{other}/{sub}") == (top == other)


@given(st.from_regex(r"\.?[A-Za-z0-9]{1,16}", fullmatch=True))
def test_an_extension_is_the_same_with_and_without_dot_and_in_any_case(extension: str) -> None:
    configuration = TenantConfiguration.created_from({"denied_extensions": [extension]})
    assert not configuration.allows_extension("." + extension.removeprefix(".").lower())
