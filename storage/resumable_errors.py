"""What can go wrong with an upload that comes in pieces (tus 1.0.0), beside what can with any upload."""

from typing import ClassVar

from storage.errors import MunimentError


class UnsupportedTusVersion(MunimentError):
    code: ClassVar[str] = "unsupported-tus-version"
    title: ClassVar[str] = "Another version of tus"

    def __init__(self, supported: str) -> None:
        super().__init__(supported)
        self.supported = supported

    def __str__(self) -> str:
        return f"Send 'Tus-Resumable: {self.supported}'; no other version is understood."


class NotAPiece(MunimentError):
    code: ClassVar[str] = "unsupported-media-type"
    title: ClassVar[str] = "Not a piece of an upload"

    def __str__(self) -> str:
        return "The bytes of an upload come with 'Content-Type: application/offset+octet-stream'."


class UploadExpired(MunimentError):
    code: ClassVar[str] = "upload-expired"
    title: ClassVar[str] = "The upload has expired"

    def __str__(self) -> str:
        return "This upload was not continued in time. Create a new one."


class OffsetMismatch(MunimentError):
    code: ClassVar[str] = "upload-offset-mismatch"
    title: ClassVar[str] = "Not where the upload goes on"

    def __init__(self, sent: int, present: int) -> None:
        super().__init__(sent, present)
        self.sent, self.present = sent, present

    def __str__(self) -> str:
        return f"Upload-Offset is {self.sent}, but the upload goes on at {self.present}."


class LengthExceeded(MunimentError):
    code: ClassVar[str] = "upload-length-exceeded"
    title: ClassVar[str] = "More than the upload's length"

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"The upload has {self.length} bytes, and these would be more."


class ChecksumMismatch(MunimentError):
    code: ClassVar[str] = "checksum-mismatch"
    title: ClassVar[str] = "The bytes are not what the checksum says"

    def __str__(self) -> str:
        return "The received bytes do not have the checksum that Upload-Checksum names. Send them again."


class UploadTakenOver(MunimentError):
    code: ClassVar[str] = "upload-taken-over"
    title: ClassVar[str] = "Another request goes on with this upload"

    def __str__(self) -> str:
        return "Another request took this upload over. What came until then is kept: ask for the offset."


class UploadStalled(MunimentError):
    code: ClassVar[str] = "upload-stalled"
    title: ClassVar[str] = "Nothing came for too long"

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"Nothing came for {self.seconds} s. What came until then is kept: ask for the offset."


class UploadBusy(MunimentError):
    code: ClassVar[str] = "upload-busy"
    title: ClassVar[str] = "The upload is being finished"

    def __str__(self) -> str:
        return "All bytes are there, and another request is checking them. Ask again for the outcome."
