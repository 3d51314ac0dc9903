"""Characters of the symbol fonts, which Word writes as code points F020 to F0FF of the private use area."""

import re

# Adobe's Symbol encoding, 20-7E and A0-FE (PDF 32000-1, D.5), in Unicode.
_SYMBOL_LOW = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"  # noqa: RUF001
_SYMBOL_HIGH = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪\uf8ff⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"  # noqa: RUF001
_SYMBOL = dict(enumerate(_SYMBOL_LOW, 0x20)) | dict(enumerate(_SYMBOL_HIGH, 0xA0))
# What Microsoft's Wingdings are used for in documents: bullets, boxes, ticks, arrows, numbers in circles.
_SIGNS = (
    "21✏ 22✂ 28☎ 2A✉ 45☜ 46☞ 47☝ 48☟ 4A☺ 4C☹ 6C● 6D❍ 6E■ 6F□ 71❑ 72❒ 73⬧ 74⧫ 75◆ 76❖ 77⬥ 78☒ 9E· 9F• A0▪ A1○ A7▪ "
    "A8□ AB★ D8➢ DF← E0→ E1↑ E2↓ E8➔ EF⇦ F0⇨ F3⬄ FB✗ FC✓ FD☒ FE☑"
)
_WINGDINGS = {int(sign[:2], 16): sign[2] for sign in _SIGNS.split()}
_WINGDINGS |= dict(enumerate("⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿", 0x80))
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "□"}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}
_PRIVATE = re.compile("[\uf020-\uf0ff]")


def symbol(code: int, font: str | None) -> str:
    """The character that `font` shows for a code point; the code point itself where that is not known."""
    table = _FONTS.get((font or "").casefold())
    low = code & 0xFF if code < 0x100 or 0xF000 <= code <= 0xF0FF else None  # noqa: PLR2004 - the two ways to write one
    if table is None or low is None:
        return chr(code)
    return table.get(low, chr(code))


def without_private_characters(text: str, font: str | None) -> str:
    """`text` with the symbols of its font as Unicode has them."""
    return _PRIVATE.sub(lambda match: symbol(ord(match[0]), font), text)
