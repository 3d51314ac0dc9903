"""Office documents behind a password: an OLE compound file that holds the encrypted zip ([MS-OFFCRYPTO] 2.3)."""

import io
import logging
from pathlib import Path
from typing import IO

import olefile
from msoffcrypto.exceptions import InvalidKeyError
from msoffcrypto.format.ooxml import OOXMLFile

from actors.extractors.cpu_budget import OutOfBudget, cpu_budget
from actors.extractors.document import ExtractionFailed
from actors.extractors.office.agile_key import agile_key
from actors.extractors.office.xml_tree import corrupt

# At its debug level the library logs passwords and keys.
logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL)

MAX_BYTES = 256 * 2**20
"""Of an encrypted file: it is decrypted in memory."""
_SECONDS = 40.0
"""A file says itself how many rounds of hashing its key takes, up to ten million."""
_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def opened(source: Path, password: str | None) -> Path | IO[bytes]:
    """The zip itself: the file as it is, or what the password makes of it.

    Raises ExtractionFailed: `password-required`, `wrong-password`, and `corrupt-file` for other OLE files (the old
    binary Word format among them).
    """
    with source.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return source
        _require_encrypted_package(source)
        if password is None:
            raise ExtractionFailed("password-required", "parse", "The file can only be opened with a password.")
        return _decrypted(stream, password)


def _require_encrypted_package(source: Path) -> None:
    try:
        with olefile.OleFileIO(str(source)) as ole:
            if ole.exists("EncryptedPackage") and ole.exists("EncryptionInfo"):
                return
    except Exception as error:  # olefile raises about anything on broken files
        raise corrupt() from error
    raise corrupt()


def _decrypted(stream: IO[bytes], password: str) -> IO[bytes]:
    if stream.seek(0, io.SEEK_END) > MAX_BYTES:
        raise corrupt()
    stream.seek(0)
    plain = io.BytesIO()
    try:
        with cpu_budget(_SECONDS):
            _decrypt(stream, password, plain)
    except InvalidKeyError as error:
        raise ExtractionFailed("wrong-password", "parse", "The password does not open the file.") from error
    except MemoryError:
        raise
    except (OutOfBudget, Exception) as error:
        raise corrupt() from error
    plain.seek(0)
    return plain


def _decrypt(stream: IO[bytes], password: str, plain: IO[bytes]) -> None:
    file = OOXMLFile(stream)
    if file.type == "agile":
        key = agile_key(file.info, password)
        if key is None:
            raise InvalidKeyError
        file.load_key(secret_key=key)
    elif not password:
        # The library takes an empty password for none.
        raise InvalidKeyError
    else:
        file.load_key(password=password, verify_password=True)
    file.decrypt(plain)
