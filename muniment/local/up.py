"""`muniment up`: run an instance in the foreground until Ctrl-C or SIGTERM."""

import asyncio
import contextlib
import signal
import sys

from muniment.local.addresses import PortTaken
from muniment.local.child_process import ServerFailed
from muniment.local.home import AlreadyRunning
from muniment.local.instance import Instance, running
from storage.settings import Settings

READY = "Muniment is ready"
"""The line that programs which start Muniment wait for."""


def up(settings: Settings, *, demo: bool) -> int:
    """Run until a signal; answer the exit status."""
    try:
        asyncio.run(_run(settings, demo=demo))
    except (AlreadyRunning, PortTaken, ServerFailed) as error:
        print(f"muniment: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def _run(settings: Settings, *, demo: bool) -> None:
    serving = asyncio.create_task(_serve(settings, demo=demo))
    stopping = asyncio.Event()

    def stop() -> None:
        # Once: a second Ctrl-C must not break the orderly end.
        if not stopping.is_set():
            stopping.set()
            serving.cancel()
            tell("Stopping …")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
    tell("Stopped.")


async def _serve(settings: Settings, *, demo: bool) -> None:
    async with running(settings, tell) as instance:
        announce(instance)
        if demo:
            await _demo(instance)
        await instance.wait()


async def _demo(instance: Instance) -> None:
    from muniment import MunimentError
    from muniment.local.demo import show

    try:
        await show(instance.home, instance.addresses, instance.operator_key, tell)
    except MunimentError as error:
        tell(f"The sample set could not be shown: {error}")


def announce(instance: Instance) -> None:
    tell(READY)
    for service, url in instance.addresses.urls().items():
        tell(f"  {service:<11} {url}")
    tell(f"  operator's key: {instance.operator_key}")
    tell(f"  data, logs and keys: {instance.home.folder}")


def tell(line: str) -> None:
    # Who reads what is told may have gone, which must not keep it from stopping.
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201
