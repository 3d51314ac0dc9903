"""What looking through one upload may cost, over all its nesting levels."""

import time
from dataclasses import dataclass

from storage.upload_errors import ArchiveUnsafe

# Below it no ratio is dangerous, and a handful of repeated lines would exceed any.
RATIO_GRACE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class WalkLimits:
    max_nesting_depth: int
    max_entries: int
    max_uncompressed_bytes: int
    max_compression_ratio: float
    allow_encrypted: bool
    max_seconds: float
    max_buffered_bytes: int = 256 * 2**20
    """For archives inside that are packed: only in memory can they be read from their end."""


class ArchiveBudget:
    """Counts up; every method raises ArchiveUnsafe when a limit is passed."""

    def __init__(self, limits: WalkLimits, upload_bytes: int) -> None:
        self.limits = limits
        self._upload_bytes = max(1, upload_bytes)
        self._entries = self._unpacked = self._buffered = 0
        self._deadline = time.monotonic() + limits.max_seconds

    def enter(self, depth: int) -> None:
        """Before opening an archive that is `depth` levels inside the upload."""
        limit = self.limits.max_nesting_depth
        if depth > limit:
            raise ArchiveUnsafe("nesting-depth", f"Archives are nested deeper than the {limit} levels allowed.")

    def count_entry(self) -> None:
        self._entries += 1
        if self._entries > self.limits.max_entries:
            limit = self.limits.max_entries
            raise ArchiveUnsafe("entries", f"The archive has more than the {limit} entries allowed.")
        self.check_time()

    def spend(self, size: int) -> None:
        """`size` further bytes were unpacked."""
        self._unpacked += size
        self.check_declared(0)
        self.check_time()

    def check_declared(self, size: int) -> None:
        """`size` further bytes are going to be unpacked, as the archive says. Size comes first: it needs no grace."""
        total, limits = self._unpacked + size, self.limits
        if total > limits.max_uncompressed_bytes:
            detail = f"The archive unpacks to more than the {limits.max_uncompressed_bytes} bytes allowed."
            raise ArchiveUnsafe("uncompressed-size", detail)
        if total > RATIO_GRACE_BYTES and total > limits.max_compression_ratio * self._upload_bytes:
            detail = f"The archive unpacks to more than {limits.max_compression_ratio:g} times its size."
            raise ArchiveUnsafe("ratio", detail)

    def check_time(self) -> None:
        """There is no reason of its own for time in the contract: it is used up by how much there is to unpack."""
        if time.monotonic() > self._deadline:
            raise ArchiveUnsafe("uncompressed-size", "Looking through the archive takes too long.")

    def can_buffer(self, size: int) -> bool:
        return self._buffered + size <= self.limits.max_buffered_bytes

    def buffer(self, size: int) -> None:
        """`size` bytes of an archive inside are held in memory; `release` them afterwards."""
        if not self.can_buffer(size):
            raise ArchiveUnsafe("uncompressed-size", "An archive inside the archive is too large to look into.")
        self._buffered += size

    def release(self, size: int) -> None:
        self._buffered -= size
