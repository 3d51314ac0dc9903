from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag

from storage.job_passwords import JobPasswords

PASSWORDS = JobPasswords(b"pepper")


def test_a_password_comes_back_and_never_looks_the_same() -> None:
    tenant = uuid4()
    first, second = PASSWORDS.encrypt(tenant, "geheim ü"), PASSWORDS.encrypt(tenant, "geheim ü")
    assert first != second
    assert b"geheim" not in first
    assert PASSWORDS.decrypt(tenant, first) == PASSWORDS.decrypt(tenant, second) == "geheim ü"


def test_another_tenant_or_pepper_cannot_decrypt() -> None:
    tenant = uuid4()
    encrypted = PASSWORDS.encrypt(tenant, "geheim")
    with pytest.raises(InvalidTag):
        PASSWORDS.decrypt(uuid4(), encrypted)
    with pytest.raises(InvalidTag):
        JobPasswords(b"other").decrypt(tenant, encrypted)


def test_work_is_the_same_only_with_the_same_password() -> None:
    tenant = uuid4()
    mixed = PASSWORDS.mixed_into("h", tenant, "a")
    assert mixed == PASSWORDS.mixed_into("h", tenant, "a")
    others = [
        PASSWORDS.mixed_into("i", tenant, "a"),
        PASSWORDS.mixed_into("h", uuid4(), "a"),
        PASSWORDS.mixed_into("h", tenant, "b"),
        JobPasswords(b"other").mixed_into("h", tenant, "a"),
    ]
    assert mixed not in others
