"""Fields that people fill in: content controls, and the form fields of older documents."""

from actors.extractors.document import FormField
from actors.extractors.office.xml_tree import Element, attribute, child, children, is_on, number_at, value_at

_KINDS = {
    "w14:checkbox": "checkbox",
    "w:dropDownList": "choice",
    "w:comboBox": "choice",
    "w:date": "date",
    "w:text": "text",
}
CHECKED, UNCHECKED = "☒", "☐"


def control_field(control: Element, text: str) -> FormField | None:
    """Of a content control (`w:sdt`) that has a name and a type to fill in; `text` is what it shows."""
    properties = child(control, "w:sdtPr")
    name = value_at(properties, "w:alias") or value_at(properties, "w:tag")
    kind = next((kind for tag, kind in _KINDS.items() if child(properties, tag) is not None), None)
    if not name or kind is None:
        return None
    if kind == "checkbox":
        checked = attribute(child(properties, "w14:checkbox", "w14:checked"), "w14:val")
        return FormField(name, kind, checked in {"1", "true"}, 1)
    return FormField(name, kind, None if is_on(properties, "w:showingPlcHdr") else text.strip(), 1)


def old_form_field(mark: Element) -> tuple[FormField, str] | None:
    """Of a `w:fldChar` that begins a check box or drop-down: its value, and the text that shows it."""
    data = child(mark, "w:ffData")
    name = value_at(data, "w:name") or ""
    box = child(data, "w:checkBox")
    if box is not None:
        checked = is_on(box, "w:checked") if child(box, "w:checked") is not None else is_on(box, "w:default")
        return FormField(name, "checkbox", checked, 1), CHECKED if checked else UNCHECKED
    choices = child(data, "w:ddList")
    if choices is not None:
        entries = [attribute(each, "w:val") or "" for each in children(choices, "w:listEntry")]
        index = number_at(choices, "w:result") or number_at(choices, "w:default") or 0
        chosen = entries[index] if 0 <= index < len(entries) else ""
        return FormField(name, "choice", chosen, 1), chosen
    return None
