from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.settings import Settings, get_settings


def test_files_and_keys_lie_below_the_home_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).base_path == tmp_path / "files"
    assert Settings(home=tmp_path).keys_folder == tmp_path / "keys"
    assert Settings(home=tmp_path, storage_base_path=Path("relative")).base_path == Path.cwd() / "relative"


def test_the_environment_is_read_and_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_FILES_PORT", "9001")
    monkeypatch.setenv("MUNIMENT_OPERATOR_KEY", "")
    monkeypatch.setenv("MUNIMENT_STORAGE_BASE_PATH", "")
    settings = Settings()
    assert settings.files_port == 9001
    assert settings.operator_key is None
    assert settings.storage_base_path is None


def test_the_operators_key_is_the_configured_one_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_OPERATOR_KEY", "mo_configured")
    monkeypatch.setenv("MUNIMENT_KEY_PEPPER", "salt")
    settings = Settings(home=tmp_path)
    assert settings.resolved_operator_key() == "mo_configured"
    assert settings.resolved_key_pepper() == b"salt"
    assert "mo_configured" not in repr(settings)
    assert not settings.keys_folder.exists()


def test_keys_that_nobody_configured_are_made_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, operator_key=None, key_pepper=None)
    assert settings.resolved_operator_key().startswith("mo_")
    assert settings.resolved_operator_key() == Settings(home=tmp_path).resolved_operator_key()
    assert settings.resolved_key_pepper() == Settings(home=tmp_path).resolved_key_pepper()


def test_a_process_reads_its_settings_once(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    first = get_settings()
    monkeypatch.setenv("MUNIMENT_FILES_PORT", "9002")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().files_port == 9002
    get_settings.cache_clear()


@pytest.mark.parametrize("url", ["http://host", "redis", "nats://user:secret@host", "://"])
def test_a_broker_of_an_unknown_kind_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ValidationError, match="events' URL must begin with one of redis, rediss, amqp") as refused:
        Settings(events_url=url)
    assert "secret" not in str(refused.value)
