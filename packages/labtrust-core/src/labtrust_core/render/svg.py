"""Writes SVG: elements with escaped text, numbers rounded to a tenth, and the document around them.

The only place that spells markup; what it is given never becomes markup of its own.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

Value = str | float | None

INK: Final = "#22303c"
FAINT: Final = "#6b7a87"
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def number(value: float) -> str:
    """Return a number rounded to a tenth, as short as can be."""
    rounded = round(value, 1)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def words(text: str) -> str:
    """Return text as it may stand in an element or an attribute.

    What XML cannot carry (control characters, lone surrogates) becomes a replacement character.
    """
    return escape(_FORBIDDEN.sub("\ufffd", text))


def tag(name: str, *children: str, **attributes: Value) -> str:
    """Return one element.

    Args:
        name: Its name.
        children: What stands in it: markup from this module.
        attributes: In this order; an underscore in a name stands for a hyphen, ``None`` is left
            out.
    """
    shown = "".join(
        f' {key.replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{shown}>{''.join(children)}</{name}>" if children else f"<{name}{shown}/>"


def _attribute(value: str | float) -> str:
    return words(value) if isinstance(value, str) else number(value)


def label(x: float, y: float, text: str, **attributes: Value) -> str:
    """Return a line of text that begins at (or is anchored to) a point of its baseline."""
    return tag("text", words(text), x=x, y=y, **attributes)


def tooltip(text: str) -> str:
    """Return what a browser shows when the pointer rests on the element that holds it."""
    return tag("title", words(text))


def shortened(text: str, most: int) -> str:
    """Return text of at most ``most`` characters, with an ellipsis where some were left out."""
    return text if len(text) <= most else text[: most - 1] + "\u2026"


def document(width: float, height: float, title: str, parts: list[str], font_size: int) -> str:
    """Return a whole SVG document on white, one part a line.

    Args:
        width: In pixels.
        height: In pixels.
        title: What the picture shows, for those who do not see it.
        parts: Its elements, back to front.
        font_size: Of text that states none, in pixels.
    """
    size = f"{number(width)} {number(height)}"
    head = tag(
        "svg",
        "",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {size}",
        width=width,
        height=height,
        font_family="sans-serif",
        font_size=font_size,
    ).removesuffix("</svg>")
    ground = tag("rect", width=width, height=height, fill="white")
    return "\n".join([head, tooltip(title), ground, *parts, "</svg>"]) + "\n"
