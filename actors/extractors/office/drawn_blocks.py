"""What is drawn on a slide or a sheet, as blocks: pictures, diagrams, charts, text boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import Box, Document
from actors.extractors.embedded_images import MAX_IMAGES
from actors.extractors.office.drawings import DrawnPart, DrawnText, Picture, drawn_in
from actors.extractors.office.package import Package, Relationship
from actors.extractors.office.pictures import image_of, part_lines
from actors.extractors.office.xml_tree import Element


@dataclass(frozen=True, slots=True)
class Drawing:
    """A part that draws, by its relationships, and the page that it draws on. Pictures are listed in `document`."""

    package: Package
    relationships: dict[str, Relationship]
    document: Document
    page: int

    def blocks(self, element: Element, bbox: Box | None = None) -> Iterator[BlockPiece]:
        for drawn in drawn_in(element):
            match drawn:
                case Picture():
                    self._list_image(drawn, bbox)
                    yield BlockPiece("figure", [], bbox)
                case DrawnText(text):
                    yield BlockPiece("paragraph", line_pieces(text), bbox)
                case DrawnPart(relationship):
                    lines = part_lines(relationship, self.relationships, self.package)
                    yield BlockPiece("figure", [line for text in lines for line in line_pieces(text)], bbox)

    def _list_image(self, picture: Picture, bbox: Box | None) -> None:
        if len(self.document.images) < MAX_IMAGES:
            image = image_of(picture, self.relationships, self.package)
            if image is not None:
                image.page, image.bbox = self.page, bbox
                self.document.images.append(image)
