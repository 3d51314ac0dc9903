"""Why bytes are not kept: what routes that take them may answer."""

from serve_apps.request_errors import BadRequest, OneFilePerRequest
from storage.errors import (
    DigestMismatch,
    DuplicateFile,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidFields,
    QuotaExceeded,
    StorageFull,
)
from storage.resumable_errors import (
    ChecksumMismatch,
    LengthExceeded,
    NotAPiece,
    UnsupportedTusVersion,
    UploadBusy,
    UploadExpired,
    UploadStalled,
    UploadTakenOver,
)
from storage.upload_errors import (
    ArchiveUnsafe,
    ExtensionNotAllowed,
    FileTooLarge,
    InvalidFileName,
    MediaTypeMismatch,
    MediaTypeNotAllowed,
)

RENAMING = InvalidFileName, ExtensionNotAllowed, MediaTypeMismatch, MediaTypeNotAllowed
FILE = (*RENAMING, BadRequest, InvalidFields, FileTooLarge, ArchiveUnsafe, DuplicateFile, QuotaExceeded, StorageFull)
WHOLE_FILE = (*FILE, OneFilePerRequest, DigestMismatch, IdempotencyKeyReused, IdempotencyKeyInUse)
FINISHED_UPLOAD = (*FILE, UploadBusy, UploadExpired, UploadTakenOver)
PIECE = (*FINISHED_UPLOAD, NotAPiece, LengthExceeded, ChecksumMismatch, UploadStalled)
ANY_OF_TUS = (UnsupportedTusVersion,)
