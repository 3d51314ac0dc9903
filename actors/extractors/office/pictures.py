"""Pictures and diagrams that are parts of their own."""

from actors.extractors.document import ExtractionFailed, Image
from actors.extractors.embedded_images import HEAD_BYTES, embedded_image, media_type_of
from actors.extractors.office.drawings import Picture, drawing_paragraph
from actors.extractors.office.package import Package, Relationship
from actors.extractors.office.xml_tree import descendants


def image_of(picture: Picture, relationships: dict[str, Relationship], package: Package) -> Image | None:
    """The picture with its own size in pixels where the file says it, else as it is shown; None for outside ones."""
    related = relationships.get(picture.relationship or "")
    if related is None or related.external or related.target not in package:
        return None
    head = package.head(related.target, HEAD_BYTES)
    return embedded_image(head, media_type_of(related.target), (picture.width, picture.height))


def part_lines(relationship: str, relationships: dict[str, Relationship], package: Package) -> list[str]:
    """The text of a diagram or chart; of a chart its titles, and the names of its series and categories."""
    related = relationships.get(relationship)
    if related is None or related.external or related.target not in package:
        return []
    try:
        root = package.xml(related.target)
    except ExtractionFailed:
        return []
    titles = [drawing_paragraph(each) for each in descendants(root, "a:p")]
    names = [value.text or "" for cache in descendants(root, "c:strCache") for value in descendants(cache, "c:v")]
    return [line for line in dict.fromkeys(titles + names) if line.strip()]
