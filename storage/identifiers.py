"""Identifiers: a prefix that says what it names and 130 random bits, safe in URLs, paths and file systems."""

import re
import secrets

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 25
"""36 ** 25 is about 2 ** 129."""


_TAIL = re.compile(rf"[{ALPHABET}]{{{RANDOM_LENGTH}}}")


def is_id(prefix: str, text: str) -> bool:
    """Whether `new_id(prefix)` may have made it. What comes from clients may hold what the database refuses."""
    return text.startswith(f"{prefix}_") and _TAIL.fullmatch(text, len(prefix) + 1) is not None


def new_id(prefix: str) -> str:
    """`fs`, `ex`, `eb`, `op` … → `fs_<25 random characters>`."""
    return f"{prefix}_{random_text(RANDOM_LENGTH)}"


def random_text(length: int) -> str:
    """So many characters of the alphabet, each as likely as any other."""
    # One number for all of them: a call of the system for each character costs more than the rest of a small upload.
    number = secrets.randbelow(len(ALPHABET) ** length)
    characters = []
    for _ in range(length):
        number, position = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[position])
    return "".join(characters)
