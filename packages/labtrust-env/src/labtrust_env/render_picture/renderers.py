"""The two render modes that draw: ``rgb_array`` returns the picture, ``human`` shows it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labtrust_env.render_ansi import Alarm
from labtrust_env.render_picture.picture import Picture, as_array
from labtrust_env.render_picture.scene import scene_of
from labtrust_env.render_picture.window import Window
from labtrust_env.session import Session


class ArrayRenderer:
    """Returns pictures as arrays ``[row, column, colour]`` of uint8."""

    def __init__(self) -> None:
        self._picture: Picture | None = None

    def render(self, session: Session, alarms: Sequence[Alarm]) -> NDArray[np.uint8]:
        """Return the picture of the session's moment."""
        self._picture = self._picture or picture_for(session)
        return as_array(self._picture.draw(scene_of(session, alarms)))

    def close(self) -> None:
        """Forget what was drawn."""
        self._picture = None


class WindowRenderer:
    """Shows pictures in a window of its own, which opens when the first one is there."""

    def __init__(self, frames_per_second: int) -> None:
        self._frames_per_second = frames_per_second
        self._picture: Picture | None = None
        self._window: Window | None = None

    def render(self, session: Session, alarms: Sequence[Alarm]) -> None:
        """Show the session's moment.

        Raises:
            UsageError: There is no screen.
        """
        self._picture = self._picture or picture_for(session)
        if self._window is None:
            title = f"LabTrust: {session.config.crew}"
            self._window = Window(self._picture.size, title, self._frames_per_second)
        self._window.show(self._picture.draw(scene_of(session, alarms)))

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._window is not None:
            self._window.close()
        self._picture = self._window = None


def picture_for(session: Session) -> Picture:
    """Return what draws the moments of a session."""
    roles = [name.rpartition("_")[0] for name in session.members]
    return Picture(session.engine.policy.tables, roles)
