"""Matplotlib figures as SVG that lives inside of a page.

The page has a strict content policy and two colour schemes, so a figure must bring neither
style attributes nor colours of its own. Figures are drawn in the placeholder colours of
`INK`; here those become CSS variables, styles become plain attributes and ids get a prefix.
"""

import io
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["INK", "svg_text"]

INK = {
    "ink": "#010101",
    "muted": "#020202",
    "rule": "#030303",
    "accent": "#040404",
    "accent-soft": "#050505",
}
"""Names of the page's colours -> the colours to draw with."""

_SVG = "http://www.w3.org/2000/svg"
_HREF = "{http://www.w3.org/1999/xlink}href"
_VARIABLES = {colour: f"var(--{name})" for name, colour in INK.items()}
_FONT_SIZE = re.compile(r"([\d.]+)px")


def svg_text(
    figure: "Figure", *, name: str, title: str, description: str, css_class: str
) -> Markup:
    """Return a figure as an `<svg>` element with a title and a description for readers.

    Args:
        figure: Drawn in the colours of `INK`.
        name: Unique on the page; prefix of all ids.
        title: What the figure shows.
        description: What is to be seen in it, in words.
        css_class: Class of the element.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        _restyle(element)
        _rename(element, name)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"class": css_class, "role": "img", "aria-labelledby": f"{name}-t {name}-d"}
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{name}-{tag[0]}"})
        element.text = text
        root.insert(position, element)
    # ElementTree has escaped the texts, and nothing but matplotlib wrote the markup.
    return Markup(ET.tostring(root, encoding="unicode"))


def _restyle(element: ET.Element) -> None:
    """Turn a style attribute into presentation attributes, placeholders into variables."""
    for declaration in element.attrib.pop("style", "").split(";"):
        key, colon, value = (part.strip() for part in declaration.partition(":"))
        if not colon:
            continue
        if key == "font":
            size = _FONT_SIZE.search(value)
            element.set("font-size", size[1] if size else "10")
        else:
            element.set(key, value)
    for key in ("fill", "stroke"):
        value = element.get(key)
        if value in _VARIABLES:
            element.set(key, _VARIABLES[value])


def _rename(element: ET.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    target = element.attrib.pop(_HREF, None)
    if target:
        element.set("href", f"#{prefix}-{target[1:]}")
    for key, value in element.attrib.items():
        element.set(key, value.replace("url(#", f"url(#{prefix}-"))
