"""The points at which the service is killed: a name, and where in the code that is.

A point that the code no longer passes fails the long run, so this table cannot rot silently.
"""

from dataclasses import dataclass
from typing import Literal

# The kinds of work that a run does more of, so that its point is reached soon.
Work = Literal[
    "upload", "large-upload", "refused-upload", "pieces", "change", "delete", "tenant-change", "tenant-life", "key"
]


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after a function that `target` names as `module:attribute`.

    Only calls that happen within another function count where `within` names one; where `of` is a change's name, only
    within a batch that has such a change.
    """

    name: str
    work: Work
    when: Literal["before", "after"]
    target: str
    within: str = ""
    of: str = ""
    most: int = 25
    """The process is killed at one of so many first passes."""
    after: str = ""
    """Name of the point at which another process was killed before: this one finishes its work."""


COMMIT = "asyncpg.transaction:Transaction.commit"
CHANGES = "actors.tenant_actor:TenantActor._commit"
DISK = "storage.files_on_disk:"
RENAME = "pathlib:Path.rename"
SMALL = "storage.small_files:"
PIECES = "storage.resumable_file:ResumableFile."
HELD = "serve_apps.files.resumable_hold:HeldUpload."
PURGE = "storage.tenant_purge:TenantPurge."
SWEEPER = "actors.sweeper:Sweeper."
DEAD = SWEEPER + "_abandon_dead_uploads"
HOSTING = "actors.tenant_hosting:TenantHosting.call"


def _changes(what: str, work: Work, change: str, most: int = 25) -> list[Point]:
    """Around the transaction of one kind of change."""
    return [
        Point(f"{what}: commit not sent", work, "before", COMMIT, CHANGES, change, most),
        Point(f"{what}: committed, not heard of", work, "after", COMMIT, CHANGES, change, most),
        Point(f"{what}: cache told, caller not", work, "after", CHANGES, of=change, most=most),
    ]


POINTS: list[Point] = [
    Point("small file: judged", "upload", "after", SMALL + "_Arrival.judge"),
    Point("small file: written, not synced", "upload", "after", SMALL + "_Arrival.write"),
    Point("small file: synced, not in place", "upload", "after", SMALL + "_Arrival.sync"),
    Point("small file: in place, folder not synced", "upload", "after", SMALL + "_Arrival.link"),
    Point("small file: placed", "upload", "after", SMALL + "_sync_folder"),
    *_changes("small file", "upload", "StoreFile"),
    Point("small file: stored, two names", "upload", "before", SMALL + "_unlink_all"),
    *_changes("reservation", "large-upload", "ReserveFile"),
    Point("upload: incoming file made", "large-upload", "after", DISK + "_Writer.open"),
    Point("upload: some bytes written", "large-upload", "after", DISK + "_Writer.write"),
    Point("upload: all bytes written", "large-upload", "after", DISK + "_Writer.finish"),
    Point("upload: checked, not synced", "large-upload", "before", DISK + "FilesOnDisk._keep"),
    Point("upload: synced, not in place", "large-upload", "before", RENAME, DISK + "FilesOnDisk._keep"),
    Point("upload: in place, folder not synced", "large-upload", "after", RENAME, DISK + "FilesOnDisk._keep"),
    Point("upload: in place", "large-upload", "after", DISK + "FilesOnDisk._keep"),
    *_changes("file's commit", "large-upload", "CommitFile"),
    Point("refusal: not given up", "refused-upload", "before", "serve_apps.files.uploads:give_up", most=4),
    *_changes("refusal", "refused-upload", "AbandonFile", most=4),
    Point("pieces: reserved, not begun", "pieces", "before", "storage.resumable_uploads:add"),
    Point("pieces: begun, not committed", "pieces", "after", "storage.resumable_uploads:add"),
    Point("pieces: file held", "pieces", "after", PIECES + "_hold"),
    Point("pieces: written, not synced", "pieces", "before", PIECES + "_sync"),
    Point("pieces: synced, not acknowledged", "pieces", "after", PIECES + "_sync"),
    Point("pieces: acknowledged, not committed", "pieces", "after", "storage.resumable_uploads:acknowledge"),
    Point("pieces: acknowledged, sender not told", "pieces", "after", HELD + "_acknowledge"),
    Point("pieces: whole, not read again", "pieces", "before", HELD + "finish"),
    Point("pieces: whole, not in place", "pieces", "before", DISK + "FilesOnDisk.keep", HELD + "finish"),
    Point("pieces: in place, no row", "pieces", "after", DISK + "FilesOnDisk.keep", HELD + "finish"),
    Point("pieces: finished, sender not told", "pieces", "after", HELD + "finish"),
    Point("pieces: ended, not forgotten", "pieces", "before", "storage.resumable_uploads:forget", most=6),
    *_changes("file's change", "change", "UpdateFile"),
    *_changes("file's deletion", "delete", "DeleteFile", most=6),
    Point("file's deletion: bytes not unlinked", "delete", "before", DISK + "FilesOnDisk._remove", most=6),
    Point("file's deletion: bytes unlinked", "delete", "after", DISK + "FilesOnDisk._remove", most=6),
    *_changes("tenant's change", "tenant-change", "UpdateTenant", most=4),
    Point("tenant's creation: no folder", "tenant-life", "before", DISK + "FilesOnDisk.prepare_tenant", most=4),
    Point(
        "tenant's creation: one folder",
        "tenant-life",
        "after",
        "pathlib:Path.mkdir",
        DISK + "FilesOnDisk._make_folders",
        most=4,
    ),
    Point("tenant's creation: not committed", "tenant-life", "after", DISK + "FilesOnDisk.prepare_tenant", most=4),
    *_changes("tenant's deletion", "tenant-life", "DeleteTenant", most=3),
    Point("purge: not begun", "tenant-life", "before", PURGE + "run", most=3),
    Point("purge: one folder renamed", "tenant-life", "after", RENAME, DISK + "FilesOnDisk._detach_tenant", most=4),
    Point("purge: folders renamed", "tenant-life", "after", DISK + "FilesOnDisk.detach_tenant", most=3),
    Point("purge: rows removed, commit not sent", "tenant-life", "before", COMMIT, PURGE + "_remove_some", most=3),
    Point("purge: rows removed", "tenant-life", "after", PURGE + "_remove_some", most=3),
    Point("purge: tenant's row removed", "tenant-life", "before", DISK + "FilesOnDisk.empty_trash", most=3),
    Point("purge: trash half emptied", "tenant-life", "after", "os:unlink", DISK + "_remove_tree", most=6),
    Point("purge: trash emptied", "tenant-life", "after", DISK + "FilesOnDisk.empty_trash", most=3),
    Point("purge: cache forgotten", "tenant-life", "after", PURGE + "_forget", most=3),
    Point("purge: end not committed", "tenant-life", "before", COMMIT, PURGE + "_conclude", most=3),
    Point("purge: end committed", "tenant-life", "after", PURGE + "_conclude", most=3),
    Point("key's revocation: not committed", "key", "after", "storage.tenant_crud:revoke_key", most=3),
    Point("sweep: removal's bytes unlinked", "delete", "after", DISK + "FilesOnDisk.remove", SWEEPER + "_remove_some"),
    Point("sweep: removals not committed", "delete", "before", COMMIT, SWEEPER + "_remove_some", most=4),
    Point(
        "sweep: small file found",
        "upload",
        "before",
        HOSTING,
        SWEEPER + "_finish_small",
        most=1,
        after="small file: placed",
    ),
    Point(
        "sweep: small file given up",
        "upload",
        "after",
        HOSTING,
        SWEEPER + "_finish_small",
        most=1,
        after="small file: placed",
    ),
    Point(
        "sweep: second name found",
        "upload",
        "after",
        HOSTING,
        SWEEPER + "_finish_small",
        most=1,
        after="small file: stored, two names",
    ),
    Point("sweep: dead upload found", "large-upload", "before", HOSTING, DEAD, most=1, after="upload: in place"),
    Point(
        "sweep: dead upload abandoned",
        "large-upload",
        "after",
        HOSTING,
        DEAD,
        most=1,
        after="upload: some bytes written",
    ),
    Point(
        "sweep: purge taken up",
        "tenant-life",
        "before",
        PURGE + "_purge",
        SWEEPER + "_finish_operations",
        most=1,
        after="purge: folders renamed",
    ),
]
