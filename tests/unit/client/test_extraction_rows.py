"""Extractions as flat rows, and as a Ray Data source that needs no cluster to be looked at."""

import pickle
from typing import Any

import pyarrow as pa
import pytest

from muniment import Client, Extracted, JobError, extraction_calls
from muniment.decoding import decode
from muniment.document import Document
from muniment.extraction_rows import SCHEMAS, Rows, rows_of
from muniment.many import Plan
from muniment.many_results import COLUMNS
from muniment.ray_data import ExtractionsDatasource, file_ids

SECRET = "mk_not-to-be-seen"
DOCUMENT = {
    "schema": "muniment.document/1",
    "document": {"file_id": "fs_1", "sha256": "ab", "file_name": "a.pdf", "media_type": "application/pdf", "size": 9},
    "status": "partial",
    "engine": {"name": "muniment", "version": "1"},
    "content": "One.\n\nTwo.",
    "pages": [
        {"number": 1, "width": 10, "height": 20, "span": [0, 4]},
        {"number": 2, "width": 10, "height": 20, "span": [6, 4], "source": "ocr", "confidence": 0.5},
        {"number": 3, "width": 0, "height": 0, "span": [10, 0], "source": "none", "error": "The page cannot be read."},
    ],
    "chunks": [{"id": "c1", "text": "Two.", "span": [6, 4], "pages": [2], "heading_path": ["One."]}],
}


def rows(kind: Rows, **more: Any) -> list[dict[str, Any]]:
    found = list(rows_of(Extracted("a.pdf", "partial", document=decode(Document, DOCUMENT), **more), kind))
    # Arrow takes them as they are.
    assert pa.Table.from_pylist(found, SCHEMAS[kind]).to_pylist() == found
    return found


def test_a_page_is_a_row_with_its_text() -> None:
    found = rows("pages")
    assert [(row["page"], row["text"], row["source"], row["error"]) for row in found] == [
        (1, "One.", "text", None),
        (2, "Two.", "ocr", None),
        (3, "", "none", "The page cannot be read."),
    ]
    assert {row["file_id"] for row in found} == {"fs_1"}


def test_a_chunk_is_a_row_with_its_headings_and_place() -> None:
    assert rows("chunks") == [
        {
            "file_id": "fs_1",
            "file_name": "a.pdf",
            "sha256": "ab",
            "chunk_id": "c1",
            "pages": [2],
            "heading_path": ["One."],
            "offset": 6,
            "text": "Two.",
        }
    ]


def test_chunks_and_words_are_asked_for_together() -> None:
    asked = extraction_calls.get_document("acme", "ex_1", None, words=True, chunk_characters=500)
    assert dict(asked.params) == {"format": "json", "expand": "words,chunks", "chunk_characters": "500"}


def test_what_could_not_be_read_is_a_row_of_documents_alone() -> None:
    failed = Extracted("a.pdf", "failed", error=JobError("corrupt-file", "It is damaged."))
    assert [row["error"] for row in rows_of(failed, "documents")] == ["corrupt-file"]
    assert list(rows_of(failed, "pages")) == list(rows_of(failed, "chunks")) == []


def test_documents_have_the_columns_of_a_data_frame() -> None:
    assert tuple(SCHEMAS["documents"].names) == COLUMNS


@pytest.fixture
def client() -> Client:
    return Client("http://127.0.0.1:1", api_key=SECRET, tenant="acme")


def test_files_are_shared_out_among_tasks_each_once(client: Client) -> None:
    ids = file_ids(client, ["fs_1", "fs_2", "fs_3", "fs_1", "fs_4", "fs_5"], None)
    source = ExtractionsDatasource(client._sender.connection, ids, "documents", Plan())
    tasks = source.get_read_tasks(2)
    assert [task.metadata.num_rows for task in tasks] == [3, 2]
    assert len(source.get_read_tasks(100)) == 5
    (empty,) = ExtractionsDatasource(client._sender.connection, [], "pages", Plan()).get_read_tasks(100)
    assert [table.num_rows for table in empty()] == [0]


def test_the_key_is_in_the_task_and_in_no_text_about_it(client: Client) -> None:
    source = ExtractionsDatasource(client._sender.connection, ["fs_1"], "pages", Plan(options={"password": SECRET}))
    (task,) = source.get_read_tasks(1)
    assert SECRET.encode() in pickle.dumps(task)
    shown = f"{source!r} {source.get_name()} {task!r} {task.read_fn!r} {task.metadata!r} {task.schema!r}"
    assert SECRET not in shown
