"""A window that shows the laboratory."""

from __future__ import annotations

from typing import Final

import pygame
from labtrust_core.errors import UsageError

_SHARE: Final = 0.92  # of the screen's height that a window takes at most


class Window:
    """A window for pictures of one size, which shows only so many of them a second."""

    def __init__(self, size: tuple[int, int], title: str, frames_per_second: int) -> None:
        """Open the window; a picture that the screen is too small for is shown smaller.

        Raises:
            UsageError: There is no screen.
        """
        try:
            pygame.display.init()
            room = _SHARE * max(height for _, height in pygame.display.get_desktop_sizes())
            share = min(1.0, room / size[1])
            self._size = (round(size[0] * share), round(size[1] * share))
            self._window = pygame.Window(title, self._size)
        except pygame.error as error:
            raise UsageError(
                f"no window can be opened ({error}); render_mode rgb_array needs no screen"
            ) from error
        self._clock = pygame.time.Clock()
        self._frames_per_second = frames_per_second

    def show(self, picture: pygame.Surface) -> None:
        """Show a picture, once the one before has been seen for its time."""
        self._clock.tick(self._frames_per_second)
        if picture.get_size() != self._size:
            picture = pygame.transform.smoothscale(picture, self._size)
        self._window.get_surface().blit(picture, (0, 0))
        self._window.flip()
        pygame.event.pump()

    def close(self) -> None:
        """Close the window."""
        self._window.destroy()
