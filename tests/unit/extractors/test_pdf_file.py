"""Files that PDFium does not open are mended, if they can be."""

from pathlib import Path

import pypdf
import pytest

from actors.extractors.cpu_budget import OutOfBudget, cpu_budget
from actors.extractors.document import ExtractionFailed
from actors.extractors.pdf import file
from actors.extractors.pdf.file import open_pdf
from tests.unit.extractors.pdf_files import new_pdf, raw_pdf, written


def headless(path: Path) -> Path:
    """PDFium insists on the file's first line; pypdf does not."""
    whole = written(new_pdf(), path).read_bytes()
    path.write_bytes(whole.replace(b"%PDF-", b"%ODD-", 1))
    return path


def test_a_file_without_its_first_line_is_mended(tmp_path: Path) -> None:
    document = open_pdf(headless(tmp_path / "a.pdf"), None)
    assert len(document) == 1
    document.close()


def test_a_file_without_pages_is_corrupt(tmp_path: Path) -> None:
    path = raw_pdf(tmp_path / "a.pdf", ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 0 >>"])
    with pytest.raises(ExtractionFailed) as caught:
        open_pdf(path, None)
    assert caught.value.code == "corrupt-file"


def test_a_very_large_file_is_not_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_MEND_BYTES", 100)
    with pytest.raises(ExtractionFailed, match="not a PDF"):
        open_pdf(headless(tmp_path / "a.pdf"), None)


@pytest.mark.parametrize(("raised", "expected"), [(MemoryError, MemoryError), (OutOfBudget, ExtractionFailed)])
def test_mending_ends_where_it_needs_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], expected: type[BaseException]
) -> None:
    def exhaust(*_: object, **__: object) -> None:
        raise raised

    path = headless(tmp_path / "a.pdf")
    monkeypatch.setattr(pypdf, "PdfReader", exhaust)
    with pytest.raises(expected):
        open_pdf(path, None)


def test_endless_work_is_interrupted() -> None:
    def work() -> None:
        while True:
            pass

    with pytest.raises(OutOfBudget), cpu_budget(0.05):
        work()
