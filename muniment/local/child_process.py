"""Starting a server as a child that dies with its parent, and stopping it within a time."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(RuntimeError):
    """A server ended, or did not answer in time; the message names its log."""


@dataclass(frozen=True)
class Command:
    """What to run: `user` is a numeric id to change to, `death_signal` what the child gets when its parent dies."""

    arguments: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    user: int | None = None
    death_signal: signal.Signals = signal.SIGTERM
    inherited: tuple[int, ...] = ()


def die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            # The parent died before the line above could take effect.
            os._exit(1)

    return in_child


class ChildProcess:
    """A running child. Its output goes to its log; the log of the run before is kept as `.previous`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, name: str, command: Command) -> "ChildProcess":
        """Must be called from the main thread: the death signal watches the thread that forked."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        if command.log.exists():
            command.log.replace(command.log.with_suffix(".previous"))
        with command.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *map(str, command.arguments),
                env=dict(command.environment),
                cwd=command.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=command.user,
                group=_group_of(command.user),
                extra_groups=None if command.user is None else [],
                umask=0o077,
                pass_fds=command.inherited,
                # A group of its own: Ctrl-C in the terminal must reach only the supervisor, which stops all in order.
                start_new_session=True,
                preexec_fn=die_with(os.getpid(), command.death_signal),
            )
        return cls(name, process, command.log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self, request: signal.Signals, seconds: float) -> None:
        """Ask with `request`; kill what has not ended after `seconds`."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(request)
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"{self.name} {what}; its log is {self.log}")


def _group_of(user: int | None) -> int | None:
    import pwd

    return None if user is None else pwd.getpwuid(user).pw_gid


async def wait_until_ready(child: ChildProcess, ready: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Ask `ready` until it says yes; raise when the child ends or the time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await ready():
        if child.returncode is not None:
            raise child.failure(f"ended with status {child.returncode}")
        if asyncio.get_running_loop().time() > deadline:
            raise child.failure(f"was not ready after {seconds:.0f} s")
        await asyncio.sleep(0.05)
