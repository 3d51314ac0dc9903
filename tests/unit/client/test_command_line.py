"""The command line against the fake service."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muniment.cli import main
from tests.unit.client.conftest import FakeServer
from tests.unit.client.fake_muniment import OPERATOR_KEY, FakeMuniment, Fault


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def run(
    fake: FakeMuniment, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command in a thread: the fake service is served by the test's own loop."""
    del fake
    for name, value in {
        "MUNIMENT_FILES_URL": server.url,
        "MUNIMENT_EXTRACTION_URL": server.url,
        "MUNIMENT_API_KEY": OPERATOR_KEY,
        "MUNIMENT_TENANT": "acme",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: object) -> int:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    async def in_thread(*arguments: object) -> Done:
        code = await asyncio.to_thread(command, *arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return in_thread


@pytest.fixture
async def acme(run: Run) -> Run:
    await run("tenant", "create", "acme")
    return run


async def uploaded(run: Run, path: Path, *options: str) -> str:
    path.write_text("Some text.")  # noqa: ASYNC240 - nothing else runs
    file_id: str = (await run("upload", path, *options, "--json")).json[0]["id"]
    return file_id


async def test_a_tenant_goes_through_its_life(run: Run) -> None:
    created = await run("tenant", "create", "acme", "--set", "archive.max_entries=5", "-m", "owner=me")
    assert created.out.splitlines()[0] == "MUNIMENT_TENANT=acme"
    assert created.out.splitlines()[1].startswith("MUNIMENT_API_KEY=mk_")
    configured = await run("tenant", "configure", "acme", "--set", "max_files=3", "--json")
    assert configured.json["configuration"] == {"max_files": 3, "archive": {"max_entries": 5}}
    assert "acme" in (await run("tenant", "ls")).out
    assert (await run("tenant", "suspend", "acme", "--json")).json["status"] == "suspended"
    assert "suspended" in (await run("tenant", "ls")).out
    assert "active" in (await run("tenant", "resume", "acme")).out
    assert (await run("tenant", "show", "--json")).json["stats"]["file_count"] == 0
    assert (await run("tenant", "rm", "acme", "--yes", "--json")).json["result"] == {"rows_left": 0, "bytes_left": 0}
    assert (await run("tenant", "show", "acme")).code == 1


async def test_a_tenant_is_not_deleted_without_a_yes(acme: Run, fake: FakeMuniment) -> None:
    assert (await acme("tenant", "rm", "acme")).code == 1
    assert "acme" in fake.tenants


async def test_a_key_is_shown_once(acme: Run) -> None:
    created = await acme("key", "create", "--scope", "files:read", "--name", "reader", "--json")
    assert created.json["secret"].startswith("mk_")
    listed = await acme("key", "ls")
    assert "reader" in listed.out
    assert created.json["secret"] not in listed.out
    assert (await acme("key", "revoke", created.json["id"])).code == 0
    assert "reader" not in (await acme("key", "ls")).out


async def test_a_webhook_is_made_seen_and_removed(acme: Run, fake: FakeMuniment) -> None:
    created = await acme(
        "webhook", "create", "https://receiver.invalid/", "--event", "file.created", "--name", "billing"
    )
    assert created.out.strip() == "whsec_hidden"
    assert "not shown again" in created.err
    listed = await acme("webhook", "ls")
    assert all(part in listed.out for part in ("wh_0", "billing", "https://receiver.invalid/", "file.created"))
    assert "whsec" not in listed.out
    assert (await acme("webhook", "create", "https://receiver.invalid/", "--json")).json["event_types"] == []
    assert [webhook["id"] for webhook in (await acme("webhook", "ls", "--json")).json] == ["wh_0", "wh_1"]
    fake.webhooks.deliveries.append(
        {
            "event_id": "29b21a85",
            "event_type": "file.created",
            "state": "failed",
            "attempts": 24,
            "time_created": "2026-11-24T14:57:09Z",
            "last_error": "The receiver answered 500.",
        }
    )
    assert "The receiver answered 500." in (await acme("webhook", "deliveries", "wh_0", "--state", "failed")).out
    assert (await acme("webhook", "retry-failed", "wh_0", "--json")).json["id"] == "wh_0"
    assert (await acme("webhook", "deliveries", "wh_0", "--json")).json[0]["state"] == "waiting"
    assert (await acme("webhook", "deliveries", "wh_0", "--state", "lost")).code == 2
    assert (await acme("webhook", "rm", "wh_0")).code == 0
    assert (await acme("webhook", "retry-failed", "wh_0")).code == 1
    assert "wh_0" not in (await acme("webhook", "ls")).out


async def test_a_file_goes_up_and_comes_down(acme: Run, tmp_path: Path) -> None:
    file_id = await uploaded(acme, tmp_path / "x.txt", "--tag", "a", "-m", "n=1", "-m", "s=text")
    shown = (await acme("show", file_id, "--json")).json
    assert (shown["tags"], shown["metadata"]) == (["a"], {"n": 1, "s": "text"})
    down = await acme("download", file_id, tmp_path / "copy.txt")
    assert down.out.strip() == str(tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_text() == "Some text."
    assert (await acme("rm", file_id)).code == 0
    gone = await acme("show", file_id)
    assert (gone.code, gone.out) == (1, "")
    assert "There is no such file. (404 not-found)" in gone.err
    assert "request r-1" in gone.err


async def test_files_are_listed_by_filter(acme: Run, tmp_path: Path) -> None:
    one = await uploaded(acme, tmp_path / "one.txt", "--tag", "x", "-m", "k=1")
    two = await uploaded(acme, tmp_path / "two.csv")
    assert [file["id"] for file in (await acme("ls", "--json")).json] == [two, one]
    assert [file["id"] for file in (await acme("ls", "--tag", "x", "-m", "k=1", "--json")).json] == [one]
    first = await acme("ls", "--limit", "1", "--sort", "file_name")
    assert first.out.split("\t")[0] == one
    assert "--limit 0" in first.err


async def test_tags_and_metadata_are_changed(acme: Run, tmp_path: Path) -> None:
    file_id = await uploaded(acme, tmp_path / "x.txt", "--tag", "a")
    assert (await acme("tag", "add", file_id, "b", "a", "--json")).json["tags"] == ["a", "b"]
    assert (await acme("tag", "rm", file_id, "a", "--json")).json["tags"] == ["b"]
    assert (await acme("tag", "set", file_id, "--json")).json["tags"] == []
    assert (await acme("meta", "set", file_id, "a.b=1", "c=[2]", "--json")).json["metadata"] == {"a.b": 1, "c": [2]}
    assert (await acme("meta", "rm", file_id, "c", "--json")).json["metadata"] == {"a.b": 1}


async def test_one_refusal_does_not_stop_the_others(acme: Run, fake: FakeMuniment, tmp_path: Path) -> None:
    for name in ("1.txt", "2.txt", "3.txt"):
        (tmp_path / name).write_text(name)
    fake.faults = [Fault("POST", "/files$", status=415, code="extension-not-allowed")]
    done = await acme("upload", *(tmp_path / name for name in ("1.txt", "2.txt", "3.txt")))
    assert done.code == 1
    assert [line.split("\t")[1] for line in done.out.splitlines()] == ["2.txt", "3.txt"]
    assert "1.txt: injected (415 extension-not-allowed)" in done.err


async def test_documents_are_printed_as_text_markdown_or_json(acme: Run, tmp_path: Path) -> None:
    file_id = await uploaded(acme, tmp_path / "x.txt")
    assert (await acme("extract", file_id)).out == "Some text.\n"
    assert (await acme("extract", tmp_path / "x.txt", "-f", "markdown")).out == "# Some text.\n"
    assert (await acme("extract", file_id, "--json")).json["schema"] == "muniment.document/1"
    written = await acme(
        "extract", file_id, "-o", tmp_path / "out", "--ocr", "never", "--language", "en", "--no-tables"
    )
    assert Path(written.out.strip()).read_text() == "Some text."  # noqa: ASYNC240 - nothing else runs


async def test_a_document_that_cannot_be_read_says_why(acme: Run, fake: FakeMuniment, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_text("%PDF")
    fake.job_error = {"code": "corrupt-file", "phase": "open", "retryable": False, "message": "It is no PDF."}
    done = await acme("extract", tmp_path / "x.pdf")
    assert (done.code, done.out) == (1, "")
    assert "It is no PDF. (corrupt-file; file fs_" in done.err


async def test_an_encrypted_document_is_opened_with_an_asked_password(
    acme: Run, fake: FakeMuniment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_args, **_options: "open")
    (tmp_path / "x.txt").write_text("sesame")
    fake.locked = {b"sesame": "open"}
    assert (await acme("extract", tmp_path / "x.txt")).code == 1
    opened = await acme("extract", tmp_path / "x.txt", "--ask-password", "--pages", "1")
    assert opened.out == "sesame\n"
    assert [list(job["options"]) for job in fake.tenants["acme"].jobs.values()][-1] == ["ocr", "tables", "pages"]


async def test_wrong_usage_is_told_apart_from_problems(acme: Run, tmp_path: Path) -> None:
    assert (await acme("upload", tmp_path / "missing.txt")).code == 2
    assert (await acme("tenant", "configure", "acme")).code == 2
    assert (await acme("key", "create", "--scope", "everything")).code == 2
    assert (await acme("meta", "set", "fs_1", "no-equals-sign")).code == 2
    assert (await acme("--url", "http://127.0.0.1:9", "show", "fs_1")).code == 1


async def test_names_cannot_speak_to_the_terminal(acme: Run, tmp_path: Path) -> None:
    await uploaded(acme, tmp_path / "x.txt", "--name", "evil\x1b[2J.txt")
    assert "\x1b" not in (await acme("ls")).out


async def test_help_names_every_command(run: Run) -> None:
    shown = await run("--help")
    assert shown.code == 0
    for name in ("up", "status", "upload", "download", "ls", "rm", "show", "extract", "corpus", "tenant", "key"):
        assert f" {name} " in shown.out


async def test_without_the_services_up_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "muniment.cli_local", None)
    shown = await run("status")
    assert shown.code == 1
    assert "pip install 'muniment[server,extraction,embedded]'" in shown.err


CORPUS = {
    "texts/a.txt": (b"alpha", None),
    "texts/locked.txt": (b"sesame", "open"),
    "zips/a.zip": (b"PK", None),
}


async def test_a_corpus_is_read_through_the_service(acme: Run, fake: FakeMuniment, tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    rows = []
    for path, (content, password) in CORPUS.items():
        (corpus / path).parent.mkdir(parents=True, exist_ok=True)
        (corpus / path).write_bytes(content)
        rows.append({"path": path, "kind": path.partition("/")[0], "password": password})
    (corpus / "manifest.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    fake.locked = {b"sesame": "open"}

    done = await acme("corpus", corpus, out, "--json")
    assert done.json == {"texts": {"ok": 1, "password": 1}, "zips": {"ok": 1}}
    read = json.loads((out / "texts/a.txt.json").read_text())
    assert (read["status"], read["text"], read["pages"], read["tables"]) == ("ok", "alpha", 1, [[["", "alpha"]]])
    locked = json.loads((out / "texts/locked.txt.json").read_text())
    assert (locked["status"], locked["with_password"]["text"]) == ("password", "sesame")
    assert not fake.tenants["acme"].files


async def test_a_corpus_run_shows_what_it_counted(acme: Run, tmp_path: Path) -> None:
    for kind in ("one", "two"):
        (tmp_path / f"{kind}.txt").write_text(kind)
    manifest = [json.dumps({"path": f"{kind}.txt", "kind": kind}) for kind in ("one", "two")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(manifest))
    assert (await acme("corpus", tmp_path, tmp_path / "out", "--kind", "two")).out == "two\t1\t0\t0\t0\t0\n"


async def test_a_corpus_run_goes_on_after_a_failure_of_the_service(
    acme: Run, fake: FakeMuniment, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    manifest = [json.dumps({"path": name, "kind": "texts"}) for name in ("a.txt", "b.txt", "missing.txt")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(manifest))
    fake.faults = [Fault("POST", "/files$", status=500, code="internal")]
    done = await acme("corpus", tmp_path, tmp_path / "out", "--concurrency", "1", "--json")
    assert done.code == 1
    assert done.json == {"texts": {"ok": 1, "error": 2}}
    assert "a.txt: internal: injected" in done.err
    assert "missing.txt: FileNotFoundError" in done.err
