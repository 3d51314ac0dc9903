"""What a file's name and its declared type say, held against its content."""

from storage.upload_checks import media_type_names as types
from storage.upload_checks.media_types import Content
from storage.upload_errors import MediaTypeMismatch

# Text that browsers act on is told from other text by content; the rest is what its name says.
_FIRM_TEXT = frozenset({"text/html", "image/svg+xml"})
# Content that a name says more about.
_GENERAL = frozenset({types.ZIP, types.OLE, types.ENCRYPTED_OFFICE})


def best_media_type(content: Content, extension: str, declared: str) -> str:
    """The type to store: the content's where that is sure, else what extension or declaration say, else a guess."""
    claims = _spoken(types.of_extension(extension), types.canonical(declared))
    if content.media_type in _GENERAL:
        return next((claim for claim in claims if _fits(content, claim)), content.media_type)
    if content.proven or content.media_type in _FIRM_TEXT:
        return content.media_type
    if types.is_textual(content.media_type):
        return next(filter(types.is_textual, claims), content.media_type)
    return next((claim for claim in claims if not _contradicts(content, claim)), content.media_type)


def check_claims(content: Content, extension: str, declared: str) -> None:
    """Raises MediaTypeMismatch where the content is not what the name or the declaration stand for.

    Only where that can be told: unknown extensions, general declarations and kinds of text say nothing against it.
    """
    for claim in _spoken(types.EXTENSIONS.get(extension), types.canonical(declared)):
        if _contradicts(content, claim):
            raise MediaTypeMismatch(claim, content.media_type)


def _spoken(*claims: str | None) -> list[str]:
    return [claim for claim in claims if claim is not None and claim not in types.SILENT]


def _fits(content: Content, claim: str) -> bool:
    return types.may_be_called(content.media_type, claim)


def _contradicts(content: Content, claim: str) -> bool:
    if _fits(content, claim) or (claim == types.PDF and content.may_be_pdf):
        return False
    if content.media_type == types.ZIP and not content.proven:
        # A program or a script before it, or a directory that cannot be read: no plain zip is claimed to be a picture.
        return claim in types.SIGNED and not types.may_be_called(claim, types.ZIP)
    return claim in types.SIGNED or (content.proven and (claim in types.KNOWN or types.is_textual(claim)))
