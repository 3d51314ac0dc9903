"""Reads RTF token by token: what a group is for decides what becomes of its text."""

import dataclasses
from collections.abc import Iterator

from actors.extractors.assembly import BlockPiece
from actors.extractors.document import Document
from actors.extractors.embedded_images import MAX_IMAGES, embedded_image
from actors.extractors.rtf.characters import SYMBOLS, WORDS, code_point, decoded
from actors.extractors.rtf.destinations import SKIP, SKIPPED, STREAMS, TAKEN, TRANSPARENT, Group, Picture, Said
from actors.extractors.rtf.formatting import Formatting
from actors.extractors.rtf.stream import Layer, Paragraph, Stream
from actors.extractors.rtf.tokens import Token, tokens

_TWIPS_PER_PIXEL = 15
_ENDS_PARAGRAPH = frozenset({"par", "sect", "page", "column"})


class Reader:
    def __init__(self, document: Document, *, with_tables: bool) -> None:
        self._document, self._with_tables = document, with_tables
        self.said = Said()
        self.formatting = Formatting()
        self._body = self._new_stream("body")
        self._ended: dict[str, list[Stream]] = {layer: [] for layer in ("header", "footer", "footnote", "comment")}
        self._group = Group(self._body, self.formatting.code_page)
        self._around: list[Group] = []
        self._picture = Picture()
        self._taken: list[str] = []
        self._bytes = bytearray()
        self._to_skip = 0
        """Characters that stand for a code point, for readers that know no Unicode."""
        self._opened = self._may_skip = False

    def _new_stream(self, layer: Layer) -> Stream:
        return Stream(layer, self._document, self._with_tables)

    def blocks(self, data: bytes) -> Iterator[BlockPiece]:
        """Headers, text, notes, comments, footers; headers and footers that read the same once."""
        for token in tokens(data):
            self._take(token)
        self._flush_bytes()
        while self._around:
            self._close()
        yield from self._furniture("header")
        yield from self._body.end()
        for stream in (*self._ended["footnote"], *self._ended["comment"]):
            yield from stream.blocks
        yield from self._furniture("footer")

    def _furniture(self, layer: str) -> Iterator[BlockPiece]:
        seen = set()
        for stream in self._ended[layer]:
            text = tuple(line.text for block in stream.blocks for line in block.lines)
            if text not in seen:
                seen.add(text)
                yield from stream.blocks

    def _take(self, token: Token) -> None:
        if token.kind == "text":
            self._take_bytes(token.data)
            return
        self._flush_bytes()
        match token.kind:
            case "open":
                self._open()
            case "close":
                self._to_skip = 0
                if self._around:
                    self._close()
            case "binary":
                self._picture.binary = self._picture.binary or token.data
            case "symbol":
                self._symbol(token.text)
            case _:
                self._word(token.text, token.number)
        self._opened = token.kind == "open" or (self._opened and token.kind == "symbol" and token.text == "*")

    def _take_bytes(self, data: bytes) -> None:
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._opened = False
        if self._group.destination == "pict":
            self._picture.digits.append(data)
        else:
            self._bytes += data[skipped:]

    def _flush_bytes(self) -> None:
        if self._bytes:
            self._text(decoded(bytes(self._bytes), self._group.encoding))
            self._bytes.clear()

    def _text(self, text: str) -> None:
        group = self._group
        if group.is_hidden and group.destination in {"", "listtext", "pntext"}:
            self._document.warn("hidden-text", "Text that is formatted as hidden was left out.", 1)
        elif group.destination == "":
            group.stream.write(text)
        elif group.destination in TAKEN:
            self._taken.append(text)

    def _symbol(self, text: str) -> None:
        if text == "*":
            self._may_skip = self._opened
        elif self._to_skip:
            self._to_skip -= 1
        elif text in "\r\n":
            self._end("par")
        elif text in SYMBOLS:
            self._text(SYMBOLS[text])

    def _word(self, word: str, number: int | None) -> None:
        may_skip, self._may_skip = self._may_skip, False
        if self._opened and self._begins(word, may_skip=may_skip):
            return
        if word == "u":
            self._text(code_point(number or 0))
            self._to_skip = self._group.fallback_characters
        elif self._to_skip:
            self._to_skip -= 1
        elif word in WORDS:
            self._text(WORDS[word])
        elif word in _ENDS_PARAGRAPH or word in {"cell", "row"}:
            self._end(word)
        elif self._group.destination == "pict":
            self._picture.take(word, number or 0)
        elif not self.formatting.apply(word, number, self._group):
            self.said.take(self._group.destination, word, number or 0)

    def _end(self, word: str) -> None:
        group = self._group
        if group.destination != "":
            return
        match word:
            case "cell":
                group.stream.end_cell(dataclasses.replace(group.paragraph))
            case "row":
                group.stream.end_row(self.formatting.row)
            case _:
                group.stream.end_paragraph(group.paragraph)

    def _begins(self, word: str, *, may_skip: bool) -> bool:
        """Whether the word says what the group is for."""
        group = self._group
        if word == "ud":
            group.destination = ""
        elif word in STREAMS and group.destination == "":
            group.stream, group.owns_stream = self._new_stream(STREAMS[word]), True
            group.paragraph = Paragraph()
        elif word in TAKEN and group.destination != SKIP:
            group.destination, group.owns_destination = word, True
            self._taken = []
            self._picture = Picture()
        elif word in SKIPPED or (may_skip and word not in TRANSPARENT):
            group.destination = SKIP
        return group.destination == SKIP or word in STREAMS or word in TAKEN

    def _open(self) -> None:
        self._around.append(self._group)
        paragraph = dataclasses.replace(self._group.paragraph)
        self._group = dataclasses.replace(self._group, paragraph=paragraph, owns_stream=False, owns_destination=False)
        self._to_skip = 0

    def _close(self) -> None:
        ended, self._group = self._group, self._around.pop()
        if ended.owns_destination:
            self._end_destination(ended.destination)
        elif ended.destination in {"fonttbl", "stylesheet"}:
            name, self._taken = "".join(self._taken).strip().removesuffix(";").strip(), []
            self.formatting.define(ended.destination, name)
        if ended.owns_stream:
            ended.stream.end()
            self._ended[ended.stream.layer].append(ended.stream)

    def _end_destination(self, destination: str) -> None:
        text, self._taken = "".join(self._taken), []
        if destination in {"listtext", "pntext"}:
            self._group.stream.marker(text)
        elif destination == "pict":
            self._list_picture()
            self._group.stream.figure()
        else:
            self.said.texts.setdefault(destination, text)

    def _list_picture(self) -> None:
        images, numbers = self._document.images, self._picture.numbers
        if len(images) < MAX_IMAGES:
            width, height = (max(0, numbers.get(side, 0)) // _TWIPS_PER_PIXEL for side in ("picwgoal", "pichgoal"))
            images.append(embedded_image(self._picture.head(), self._picture.media_type, (width, height)))
