"""`muniment fsck` as an operator runs it: beside a running service, or on the home of a stopped one."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muniment.local.postgres import EmbeddedPostgres
from storage import migrate
from tests.file_service import SampleTenant, file_service


async def fsck(environment: Mapping[str, str], *options: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muniment", "fsck", *options),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_check_reports_and_a_repair_takes_the_report(tmp_path: Path, database_url: str, redis_url: str) -> None:
    base = tmp_path / "files"
    environment = {"MUNIMENT_DATABASE_URL": database_url, "MUNIMENT_STORAGE_BASE_PATH": str(base)}
    async with file_service(base, database_url, redis_url) as service:
        tenant = await service.tenant()
        file = await tenant.stored()
        scope = ("--tenant", tenant.code)
        assert await fsck(environment, *scope) == (0, "1 tenants, 1 rows, 1 files on the volume: nothing wrong.\n", "")

        (base / tenant.code / "left.txt").write_bytes(b"left")
        assert (await fsck(environment, *scope))[0] == 0, "it is younger than the grace time"
        status, out, _ = await fsck(environment, *scope, "--grace", "0")
        assert status == 1
        assert out.startswith(f"bytes-without-row: {tenant.code}/left.txt (found files 1, size 4, age ")

        status, out, _ = await fsck(environment, *scope, "--grace", "0", "--hashes", "--json")
        report: dict[str, Any] = json.loads(out)
        assert (status, report["counts"]) == (1, {"bytes-without-row": 1})
        assert report["checked"] == {"tenants": 1, "rows": 1, "files": 2, "hashed_bytes": file["file_size_bytes"]}
        await _repaired(environment, tenant, tmp_path / "report.json", out)
        assert [path.read_bytes() for path in (base / "lost+found").rglob("left.txt")] == [b"left"]


async def _repaired(environment: Mapping[str, str], tenant: SampleTenant, report: Path, content: str) -> None:
    await asyncio.to_thread(report.write_text, content)
    repair = ("--grace", "0", "--repair", str(report))
    status, out, err = await fsck(environment, *repair)
    assert (status, out) == (2, "")
    assert "accept 1 items explicitly" in err
    status, out, _ = await fsck(environment, *repair, "--accept", "1")
    assert status == 0
    assert out.startswith("now lost+found/")
    status, out, _ = await fsck(environment, *repair, "--accept", "1", "--json")
    assert (status, json.loads(out)["state"]) == (0, "not-true")
    assert (await fsck(environment, "--tenant", tenant.code, "--grace", "0"))[0] == 0


async def test_what_no_repair_exists_for_is_said_to_be_left(tmp_path: Path, database_url: str, redis_url: str) -> None:
    base = tmp_path / "files"
    environment = {"MUNIMENT_DATABASE_URL": database_url, "MUNIMENT_STORAGE_BASE_PATH": str(base)}
    async with file_service(base, database_url, redis_url) as service:
        tenant = await service.tenant()
        (base / (await tenant.stored())["storage_path"]).unlink()
    _, out, _ = await fsck(environment, "--tenant", tenant.code, "--json")
    report = tmp_path / "report.json"
    report.write_text(out)
    status, out, _ = await fsck(environment, "--repair", str(report))
    assert status == 1
    assert out.startswith(f"not repaired: missing-bytes: {tenant.code}/")


async def test_a_stopped_home_is_checked_by_a_database_of_the_moment(tmp_path: Path, redis_url: str) -> None:
    home = tmp_path / "home"
    environment = {"MUNIMENT_HOME": str(home), "MUNIMENT_DATABASE_URL": "", "MUNIMENT_STORAGE_BASE_PATH": ""}
    status, out, err = await fsck(environment)
    assert (status, out) == (2, "")
    assert "there is no database in" in err

    server = EmbeddedPostgres(home, dict(os.environ))
    url = await server.start()
    await asyncio.to_thread(migrate.upgrade, url)
    status, out, err = await fsck(environment | {"MUNIMENT_DATABASE_URL": url})
    assert (status, out) == (2, "")
    assert "No Muniment has stored files in" in err
    async with file_service(home / "files", url, redis_url) as service:
        tenant = await service.tenant()
        await tenant.stored()
    await server.stop()
    status, out, _ = await fsck(environment, "--grace", "0")
    assert (status, out) == (0, "1 tenants, 1 rows, 1 files on the volume: nothing wrong.\n")
