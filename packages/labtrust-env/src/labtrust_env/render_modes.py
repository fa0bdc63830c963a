"""The render modes by name, and what renders in each of them."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Sequence
from typing import Any, Final, Protocol

from labtrust_core.errors import MissingExtraError

from labtrust_env.render_ansi import Alarm, render_ansi
from labtrust_env.session import Session

RENDER_MODES: Final = ("ansi", "rgb_array", "human")
RENDER_FPS: Final = 10
RENDER_EXTRA: Final = "labtrust-env[render]"


class Renderer(Protocol):
    """Renders moments of sessions of one crew."""

    def render(self, session: Session, alarms: Sequence[Alarm]) -> Any:  # noqa: ANN401 - by mode
        """Return or show the session's moment, with alarms that rang, the oldest first."""

    def close(self) -> None:
        """Give back what rendering needs; to render again takes it again."""


class AnsiRenderer:
    """Returns the floor plan as text."""

    def render(self, session: Session, alarms: Sequence[Alarm]) -> str:
        """Return the session's moment as text."""
        return render_ansi(session, tuple(alarms))

    def close(self) -> None:
        """Do nothing: text needs nothing."""


def open_renderer(mode: str) -> Renderer:
    """Return what renders in a mode, one of ``RENDER_MODES``.

    Raises:
        MissingExtraError: The mode draws, and pygame is not installed.
    """
    if mode == "ansi":
        return AnsiRenderer()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it greets whoever imports it
            importlib.import_module("pygame")
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"render_mode {mode}", RENDER_EXTRA) from error
    drawing = importlib.import_module("labtrust_env.render_picture.renderers")
    found: Renderer = (
        drawing.WindowRenderer(RENDER_FPS) if mode == "human" else drawing.ArrayRenderer()
    )
    return found
