"""Equations (Office Math) in one line: `(a+b)/2`, `x^2`, `√(y)`."""

from collections.abc import Callable

from actors.extractors.office.xml_tree import Element, attribute, child, children, name_of

_GROUPED = frozenset(" +-−±=·×/,<>≤≥")  # noqa: RUF001 - the signs of mathematics


def equation_text(element: Element) -> str:
    """What `element` and all in it show, in order."""
    name = name_of(element)
    if name in {"m:t", "w:t"}:
        return element.text or ""
    form = _FORMS.get(name)
    if form is not None:
        return form(element)
    return "".join(equation_text(each) for each in element if name_of(each) not in _SKIPPED)


_SKIPPED = frozenset({"w:del", "w:moveFrom", "w:instrText", "w:delText"})


def _part(element: Element, name: str) -> str:
    found = child(element, f"m:{name}")
    return "" if found is None else equation_text(found)


def _group(text: str) -> str:
    return f"({text})" if len(text) > 1 and any(each in _GROUPED for each in text) else text


def _fraction(element: Element) -> str:
    return f"{_group(_part(element, 'num'))}/{_group(_part(element, 'den'))}"


def _root(element: Element) -> str:
    degree = _part(element, "deg")
    return f"{degree}√({_part(element, 'e')})"


def _scripts(element: Element) -> str:
    base, below, above = _part(element, "e"), _part(element, "sub"), _part(element, "sup")
    return base + (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")


def _large_operator(element: Element) -> str:
    properties = child(element, "m:naryPr")
    sign = attribute(child(properties, "m:chr"), "m:val") or "∫"
    below, above = _part(element, "sub"), _part(element, "sup")
    limits = (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")
    return f"{sign}{limits} {_part(element, 'e')}"


def _delimited(element: Element) -> str:
    properties = child(element, "m:dPr")
    signs = [attribute(child(properties, f"m:{name}"), "m:val") for name in ("begChr", "sepChr", "endChr")]
    begin, separator, end = (
        default if sign is None else sign for sign, default in zip(signs, ("(", "|", ")"), strict=True)
    )
    return begin + separator.join(equation_text(each) for each in children(element, "m:e")) + end


def _rows(element: Element) -> str:
    rows = list(children(element, "m:mr"))
    cells = [[equation_text(each) for each in children(row, "m:e")] for row in rows]
    return "; ".join(", ".join(row) for row in cells)


def _lines(element: Element) -> str:
    return "; ".join(equation_text(each) for each in children(element, "m:e"))


_FORMS: dict[str, Callable[[Element], str]] = {
    "m:f": _fraction,
    "m:rad": _root,
    "m:sSub": _scripts,
    "m:sSup": _scripts,
    "m:sSubSup": _scripts,
    "m:nary": _large_operator,
    "m:d": _delimited,
    "m:m": _rows,
    "m:eqArr": _lines,
}
