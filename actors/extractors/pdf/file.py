"""Opening a PDF: passwords, and files that are broken in a way that can be mended."""

import io
import logging
from pathlib import Path

import pypdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.cpu_budget import OutOfBudget, cpu_budget
from actors.extractors.document import ExtractionFailed

# What is odd in a file is the user's business; pypdf logs a line for each oddity.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_MEND_SECONDS = 20.0
_MEND_BYTES = 64 * 2**20
"""pypdf holds a file's objects in memory, at many times their size."""


def open_pdf(source: Path, password: str | None) -> pdfium.PdfDocument:
    """The file, which has a page at least: PDFium opens no other. An owner's password keeps nobody out.

    Raises ExtractionFailed: `password-required`, `wrong-password`, `corrupt-file`.
    """
    try:
        return _opened(source, password)
    except pdfium.PdfiumError as error:
        if error.err_code in {pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY}:
            raise _password_failure(password) from error
    try:
        return _opened(_mended(source, password), None)
    except pdfium.PdfiumError as error:
        raise _corrupt() from error


def _opened(source: Path | bytes, password: str | None) -> pdfium.PdfDocument:
    document = pdfium.PdfDocument(source, password=password)
    document.init_forms()
    return document


def _mended(source: Path, password: str | None) -> bytes:
    """The file as pypdf, which forgives other things than PDFium, would write it."""
    if source.stat().st_size > _MEND_BYTES:
        raise _corrupt()
    mended = io.BytesIO()
    try:
        with cpu_budget(_MEND_SECONDS):
            reader = pypdf.PdfReader(source, strict=False, password=password)
            writer = pypdf.PdfWriter()
            for page in reader.pages:
                writer.add_page(page)
            writer.write(mended)
    except MemoryError:
        raise
    except (OutOfBudget, Exception) as error:
        raise _corrupt() from error
    return mended.getvalue()


def _password_failure(password: str | None) -> ExtractionFailed:
    if password is None:
        return ExtractionFailed("password-required", "parse", "The file can only be opened with a password.")
    return ExtractionFailed("wrong-password", "parse", "The password does not open the file.")


def _corrupt() -> ExtractionFailed:
    return ExtractionFailed("corrupt-file", "parse", "The file is not a PDF that can be read.")
