"""What a replica opens once and its routes share."""

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from actors.tenant_handle import TenantCalls, TenantHosts
from serve_apps.key_uses import KeyUses
from storage.cache import Cache
from storage.database import Database
from storage.files_on_disk import FilesOnDisk
from storage.rate_limiter import RateLimiter
from storage.settings import Settings
from storage.small_files import SmallFiles
from storage.upload_checks.archive_process import ArchiveChecker


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    cache: Cache
    disk: FilesOnDisk
    small_files: SmallFiles
    tenants: TenantCalls
    archives: ArchiveChecker
    operator_key: str = field(repr=False)
    key_pepper: bytes = field(repr=False)
    key_uses: KeyUses
    rate_limiter: RateLimiter

    @classmethod
    async def open(cls, settings: Settings) -> "Services":
        """Connections are made when they are first needed; the volume's folders are made now."""
        operator_key, key_pepper = await asyncio.to_thread(
            lambda: (settings.resolved_operator_key(), settings.resolved_key_pepper())
        )
        disk = FilesOnDisk(settings.base_path)
        await disk.prepare()
        cache = Cache(settings.redis_url, settings.cache_ttl_seconds)
        database = Database(settings.database_url, settings.database_pool_size)
        return cls(
            settings=settings,
            database=database,
            cache=cache,
            disk=disk,
            small_files=SmallFiles(disk),
            tenants=TenantHosts(settings),
            archives=ArchiveChecker(),
            operator_key=operator_key,
            key_pepper=key_pepper,
            key_uses=KeyUses(database),
            rate_limiter=RateLimiter(cache.link),
        )

    async def close(self) -> None:
        await self.tenants.close()
        await self.archives.close()
        await self.key_uses.close()
        await self.database.close()
        await self.cache.close()
        await self.small_files.close()
        await self.disk.close()


async def services_of(request: Request) -> Services:
    found: Services = request.app.state.services
    return found
