"""Identifiers: a prefix that says what it names and 130 random bits, safe in URLs, paths and file systems."""

import secrets

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 25
"""36 ** 25 is about 2 ** 129."""


def new_id(prefix: str) -> str:
    """`fs`, `ex`, `eb`, `op` … → `fs_<25 random characters>`."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
