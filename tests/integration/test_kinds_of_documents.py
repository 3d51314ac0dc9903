"""Each kind of document on its whole way: told by content on upload, read in a confined child, shown in each form."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.extractors.document import ExtractionOptions, RecognisedPage
from actors.extractors.extractor import ParseLimits
from actors.extractors.kinds import kind_of
from actors.parse_process import ParseRequest, ParserProcesses
from actors.views.markdown import markdown
from actors.views.selected_document import with_pages
from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks.archive_process import ArchiveChecker
from storage.upload_checks.verdict import Verdict, check_content
from storage.upload_errors import MediaTypeMismatch
from tests.document_samples import SAMPLES, Sample

Json = dict[str, Any]
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file_name)


@pytest.fixture(scope="module")
async def parsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ParserProcesses]:
    parsers = ParserProcesses(ParseLimits(), tmp_path_factory.mktemp("scratch"))
    await parsers.start()
    yield parsers
    await parsers.close()


@pytest.fixture(scope="module")
async def archive_checker() -> AsyncIterator[ArchiveChecker]:
    async with ArchiveChecker() as checker:
        yield checker


async def uploaded(path: Path, name: str, declared: str | None, checker: ArchiveChecker) -> Verdict:
    size = (await asyncio.to_thread(path.stat)).st_size
    return await check_content(path, size, name, declared, TenantConfiguration(), checker)


async def extracted(parsers: ParserProcesses, path: Path, verdict: Verdict, **options: Any) -> Json:
    async def recognise(_path: Path) -> RecognisedPage:
        raise AssertionError("nothing here has a page to recognise")

    async def on_progress(_done: int, _total: int) -> None:
        return None

    request = ParseRequest(path, verdict.media_type, verdict.extension, ExtractionOptions(**options))
    document: Json = json.loads((await parsers.parse(request, recognise, on_progress)).json)
    return document


@each_sample
async def test_a_sample_is_kept_as_what_it_is_and_read(
    sample: Sample, tmp_path: Path, parsers: ParserProcesses, archive_checker: ArchiveChecker
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(sample.make())

    for declared in (None, "application/octet-stream", sample.media_type):
        verdict = await uploaded(path, sample.file_name, declared, archive_checker)
        assert verdict.media_type == sample.media_type
    assert kind_of(verdict.media_type, verdict.extension) is not None
    document = await extracted(parsers, path, verdict)

    assert document["document"]["page_count"] == len(document["pages"]) == sample.pages
    assert sample.text in document["content"]
    cells = [cell["text"] for table in document["tables"][:1] for cell in table["cells"]]
    assert tuple(cells) == sample.cells
    assert ("| --- |" in markdown(document)) == bool(sample.cells)
    assert with_pages(document, "1")["content"] in document["content"]
    assert with_pages(document, str(sample.pages + 1))["content"] == ""


@each_sample
async def test_without_tables_their_rows_are_text(
    sample: Sample, tmp_path: Path, parsers: ParserProcesses, archive_checker: ArchiveChecker
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(sample.make())
    verdict = await uploaded(path, sample.file_name, None, archive_checker)

    document = await extracted(parsers, path, verdict, tables=False)

    assert document["tables"] == []
    assert "table" not in {block["type"] for block in document["blocks"]}
    assert all(cell in document["content"] for cell in sample.cells)


@each_sample
async def test_a_page_that_is_not_there_is_not_read(
    sample: Sample, tmp_path: Path, parsers: ParserProcesses, archive_checker: ArchiveChecker
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(sample.make())
    verdict = await uploaded(path, sample.file_name, None, archive_checker)

    document = await extracted(parsers, path, verdict, pages=str(sample.pages + 1))

    assert (document["pages"], document["content"]) == ([], "")


@each_sample
async def test_a_sample_by_another_name_is_refused(
    sample: Sample, tmp_path: Path, archive_checker: ArchiveChecker
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(sample.make())

    for name in ("picture.png", "paper.pdf", "letter.docx"):
        with pytest.raises(MediaTypeMismatch):
            await uploaded(path, name, None, archive_checker)


@each_sample
async def test_other_content_by_its_name_is_refused(
    sample: Sample, tmp_path: Path, archive_checker: ArchiveChecker
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    with pytest.raises(MediaTypeMismatch):
        await uploaded(path, sample.file_name, None, archive_checker)
