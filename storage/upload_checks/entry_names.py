"""Where the entries of one archive would be unpacked to: never outside of it, and never two in one place."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from storage.upload_errors import ArchiveUnsafe

_DRIVE = re.compile(rb"[A-Za-z]:")
_SEPARATORS = re.compile(rb"[/\\]")


class EntryNames:
    """Names are bytes: what they decode to depends on who unpacks. Both kinds of slash separate, as they do somewhere.

    Raises ArchiveUnsafe (`traversal`, `duplicate-name`, `corrupt`).
    """

    def __init__(self, *, may_repeat: bool) -> None:
        """`may_repeat`: a later entry replaces an earlier one of its name, as in tar."""
        self._may_repeat = may_repeat
        self._seen: dict[bytes, bool] = {}
        self._links: set[bytes] = set()

    def add(self, names: Iterable[bytes], *, is_directory: bool) -> None:
        """All names of one entry: readers differ in which of them they take."""
        for place in _places(names):
            # Directories are listed twice by many archivers and unpack to the same.
            if place in self._seen and not self._may_repeat and not (is_directory and self._seen[place]):
                raise ArchiveUnsafe("duplicate-name", "Two entries of the archive have the same name.")
            self._seen[place] = is_directory

    def add_link(self, names: Iterable[bytes], targets: Sequence[bytes]) -> None:
        """A symbolic link under one of `names`, which were added, to one of `targets`."""
        for place in _places(names):
            self._links.add(place)
            for target in targets:
                check_link_target(place, target)

    def check_links(self) -> None:
        """When all are added: nothing lies beneath a link, so that links cannot be chained out of the archive."""
        places = sorted(self._seen) if self._links else []
        for link in self._links:
            beneath = link + b"/"
            at = bisect_left(places, beneath)
            if at < len(places) and places[at].startswith(beneath):
                raise ArchiveUnsafe("traversal", "An entry of the archive lies beneath a symbolic link.")


def _places(names: Iterable[bytes]) -> set[bytes]:
    """What the names stand for: with single forward slashes and without `.` components."""
    return {b"/".join(_inner_components(name)) for name in names}


def _inner_components(name: bytes) -> list[bytes]:
    """The path's components. Raises ArchiveUnsafe unless it is relative and stays inside."""
    if b"\0" in name:
        raise ArchiveUnsafe("corrupt", "An entry's name holds a zero byte.")
    if name.startswith((b"/", b"\\")) or _DRIVE.match(name):
        raise ArchiveUnsafe("traversal", "An entry of the archive has an absolute path.")
    components = [part for part in _SEPARATORS.split(name) if part not in {b"", b"."}]
    # Windows drops trailing spaces: `.. ` is `..` there.
    if any(part.rstrip(b" ") == b".." for part in components):
        raise ArchiveUnsafe("traversal", "An entry's path leads out of the archive.")
    return components


def check_link_target(place: bytes, target: bytes) -> None:
    """A link may climb no higher than the archive's root, and only first: `a/..` could be anywhere if `a` is a link."""
    climbs, below = 0, False
    for part in _SEPARATORS.split(target):
        if part == b"..":
            climbs += 1
        below = below or part not in {b"", b".", b".."}
        if part == b".." and below:
            raise ArchiveUnsafe("traversal", "A link in the archive climbs behind a folder.")
    if target.startswith((b"/", b"\\")) or _DRIVE.match(target) or climbs > place.count(b"/"):
        raise ArchiveUnsafe("traversal", "A link in the archive points out of it.")
