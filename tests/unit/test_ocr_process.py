"""An engine that hangs, dies or grows costs its page at most, and the next page finds a good one."""

import asyncio
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from actors.ocr_process import OcrLimits, OcrProcess, PageNotRead
from tests.processes import gone, one_child_of, state_of, until

CHILD = "tests.misbehaving_ocr_child"
LIMITS = OcrLimits(page_seconds=60, pages=1000, growth_bytes=2**30)


@asynccontextmanager
async def running(limits: OcrLimits = LIMITS) -> AsyncIterator[OcrProcess]:
    process = OcrProcess(limits, module=CHILD)
    await process.start()
    yield process
    await process.close()


async def engine_that_reads(process: OcrProcess, page: str) -> int:
    """The process id of the engine that read the page."""
    return int((await process.recognise(Path(page))).lines[0].text)


async def test_pages_are_read_by_one_engine_that_ends_with_its_owner() -> None:
    async with running() as process:
        page = await process.recognise(Path("good.png"))
        assert (page.width, page.height, page.rotation) == (10, 20, 90)
        (first, second) = await asyncio.gather(*(engine_that_reads(process, "good.png") for _ in range(2)))
    assert first == second == int(page.lines[0].text)
    assert state_of(first) is None


async def test_a_page_that_the_engine_fails_on_is_only_that_page() -> None:
    async with running() as process:
        before = await engine_that_reads(process, "good.png")
        with pytest.raises(PageNotRead, match="ValueError") as caught:
            await process.recognise(Path("stumble.png"))
        assert "secret" not in str(caught.value)
        assert await engine_that_reads(process, "good.png") == before


async def test_a_page_that_hangs_every_engine_is_given_up_and_the_next_is_read(tmp_path: Path) -> None:
    async with running(replace(LIMITS, page_seconds=0.3)) as process:
        hung = await engine_that_reads(process, "good.png")
        with pytest.raises(PageNotRead, match=r"longer than 0\.3 seconds"):
            await process.recognise(tmp_path / "hang.png")
        assert state_of(hung) is None
        assert await engine_that_reads(process, "good.png") != hung


async def test_a_page_whose_engine_hung_once_is_read_by_the_next(tmp_path: Path) -> None:
    async with running(replace(LIMITS, page_seconds=0.3)) as process:
        hung = await engine_that_reads(process, "good.png")
        assert await engine_that_reads(process, str(tmp_path / "hang-once.png")) != hung


async def test_a_page_that_kills_every_engine_is_given_up_and_the_next_is_read() -> None:
    async with running() as process:
        with pytest.raises(PageNotRead, match="ended while it read"):
            await process.recognise(Path("die.png"))
        assert await engine_that_reads(process, "good.png")


async def test_an_engine_that_died_between_two_pages_is_replaced() -> None:
    async with running() as process:
        dead = await engine_that_reads(process, "good.png")
        assert process._engine is not None
        await process._engine.kill()
        assert not process._engine.is_spent
        assert await engine_that_reads(process, "good.png") != dead


async def test_an_engine_is_replaced_after_its_pages_and_none_is_lost() -> None:
    async with running(replace(LIMITS, pages=2)) as process:
        engines = await asyncio.gather(*(engine_that_reads(process, "good.png") for _ in range(6)))
    assert [engines.count(engine) for engine in dict.fromkeys(engines)] == [2, 2, 2]


async def test_an_engine_that_has_grown_is_replaced() -> None:
    async with running(replace(LIMITS, growth_bytes=100 * 2**20)) as process:
        engines = [await engine_that_reads(process, page) for page in ("eat", "eat", "good")]
    assert engines[0] == engines[1] != engines[2]


async def test_a_page_that_nobody_waits_for_is_stopped_with_its_engine(tmp_path: Path) -> None:
    async with running(replace(LIMITS, abandoned_seconds=0.1)) as process:
        hung = await engine_that_reads(process, "good.png")
        reading = asyncio.create_task(process.recognise(tmp_path / "hang.png"))
        waiting = asyncio.create_task(engine_that_reads(process, "good.png"))
        await until((tmp_path / "hang.png").exists)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert state_of(hung) is None
        assert await waiting != hung


async def test_a_page_that_is_read_soon_keeps_its_engine_although_nobody_waits(tmp_path: Path) -> None:
    async with running() as process:
        engine = await engine_that_reads(process, "good.png")
        reading = asyncio.create_task(process.recognise(tmp_path / "take-a-moment.png"))
        await until((tmp_path / "take-a-moment.png").exists)
        reading.cancel()
        assert await engine_that_reads(process, "good.png") == engine


async def test_giving_up_a_page_that_waits_disturbs_nobody(tmp_path: Path) -> None:
    async with running() as process:
        reading = asyncio.create_task(engine_that_reads(process, str(tmp_path / "take-a-moment.png")))
        await until((tmp_path / "take-a-moment.png").exists)
        waiting = asyncio.create_task(process.recognise(Path("good.png")))
        await asyncio.sleep(0)
        waiting.cancel()
        assert await reading == await engine_that_reads(process, "good.png")


async def test_an_engine_that_cannot_start_is_said_at_once_and_again_with_each_page() -> None:
    process = OcrProcess(LIMITS, module="tests.no_such_module")
    with pytest.raises(PageNotRead, match="could not be started"):
        await process.start()
    with pytest.raises(PageNotRead, match="could not be started"):
        await process.recognise(Path("good.png"))
    await process.close()


async def test_a_start_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    process = OcrProcess(LIMITS, [str(tmp_path)], module="tests.ocr_child_that_never_loads")
    starting = asyncio.create_task(process.start())
    await until((tmp_path / "pid").exists)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await gone(int((tmp_path / "pid").read_text(encoding="ascii")))
    await process.close()


async def test_nothing_is_read_after_the_end(tmp_path: Path) -> None:
    async with running() as process:
        reading = asyncio.create_task(process.recognise(tmp_path / "hang.png"))
        await until((tmp_path / "hang.png").exists)
    with pytest.raises(PageNotRead, match="closed"):
        await reading


async def test_no_engine_outlives_an_owner_that_was_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio
        from pathlib import Path
        from tests.unit.test_ocr_process import CHILD, LIMITS, OcrProcess
        asyncio.run(OcrProcess(LIMITS, module=CHILD).recognise(Path({str(tmp_path)!r}, "good.png")))
        signal.pause()
        """
    ).replace("import asyncio", "import asyncio, signal", 1)
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        engine = await one_child_of(owner.pid, CHILD)
    finally:
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
    await gone(engine)
