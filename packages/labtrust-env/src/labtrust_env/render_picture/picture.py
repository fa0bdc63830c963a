"""Draws a whole moment: sites, ways and doors, zones, roads, and the column beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pygame
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.render.floor_geometry import MARGIN, PADDING, FloorGeometry, Line
from labtrust_core.render.floor_symbols import ALERT, GROUND, ROAD
from labtrust_core.render.svg import FAINT, INK
from numpy.typing import NDArray

from labtrust_env.render_picture.canvas import Canvas, Point
from labtrust_env.render_picture.cards import card_height, draw_contents, draw_empty_card
from labtrust_env.render_picture.panel import PANEL, draw_empty_panel, draw_panel, panel_height
from labtrust_env.render_picture.scene import Scene, TripScene
from labtrust_env.render_picture.symbols import OPEN, draw_door, role_colours

_ROW_GAP: Final = 40
_GAP: Final = 34  # between plan and column
_PIECES: Final = 24  # in which a course, straight or not, is drawn
_WAY: Final = "#a9b5bf"
_VAN: Final = (34, 16)


class Picture:
    """Draws moments of one laboratory and crew; what does not change is drawn once."""

    def __init__(self, tables: LabTables, roles: Sequence[str]) -> None:
        """Draw the empty laboratory.

        Args:
            tables: The laboratory's policy.
            roles: The role of each member of the crew, in acting order.
        """
        self._tables = tables
        self._colours = role_colours(roles)
        heights = {zone: card_height(tables, zone) for zone in tables.zones}
        self._plan = FloorGeometry(tables, heights, _ROW_GAP)
        self._panel = (self._plan.right + _GAP, 18.0)
        bottom = max(self._plan.bottom, self._panel[1] + panel_height(len(roles)))
        self._empty = Canvas.empty(self._panel[0] + PANEL + MARGIN, bottom + MARGIN, "#ffffff")
        self._draw_plan()
        draw_empty_panel(self._empty, self._panel, len(roles))

    def _draw_plan(self) -> None:
        canvas = self._empty
        canvas.words((MARGIN, 22), "LabTrust: hospital blood sciences laboratory", 27, INK)
        for frame in self._plan.frames:
            canvas.rect(
                (frame.x, frame.y), frame.width, frame.height, GROUND, edge="#b6c2cc", radius=8
            )
            canvas.words((frame.x + PADDING, frame.y + 17), frame.title, 18, FAINT)
        for ends in self._plan.ways():
            line = self._plan.way(*ends)
            canvas.path([line.at(piece / _PIECES) for piece in range(_PIECES + 1)], _WAY, 2)
        for route in self._tables.routes.values():
            if route.enabled:
                line = self._plan.road(route)
                canvas.dashed(line.points[0], line.points[-1], ROAD, 2)
        for zone, box in self._plan.boxes.items():
            draw_empty_card(canvas, self._tables, zone, box)

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        return self._empty.size

    def draw(self, scene: Scene) -> pygame.Surface:
        """Return the picture of a moment."""
        canvas = self._empty.copy()
        canvas.words((MARGIN, 43), scene.title, 18, FAINT)
        self._draw_doors(canvas, scene)
        vans: list[Point] = []
        for trip in scene.trips:
            vans.append(self._draw_trip(canvas, trip, vans))
        for zone, box in self._plan.boxes.items():
            draw_contents(canvas, box, scene.zones[zone], self._colours)
        draw_panel(canvas, self._panel, scene, self._tables, self._colours)
        for number, text in enumerate(scene.banners):
            at = (self._panel[0] - _GAP - 250 * (number + 1), 14.0)
            canvas.rect(at, 240, 30, ALERT, radius=6)
            canvas.words((at[0] + 120, at[1] + 15), text, 20, "#ffffff", "middle")
        return canvas.finished()

    def _draw_doors(self, canvas: Canvas, scene: Scene) -> None:
        for ends in self._plan.ways():
            name = self._tables.ways[ends].door
            if name is None:
                continue
            line, open_s = self._plan.way(*ends), scene.doors[name]
            kind = self._tables.doors[name].kind
            draw_door(canvas, (line.x, line.y), kind, is_open=open_s is not None)
            if open_s is not None:
                late = open_s > self._tables.doors[name].max_open_s
                colour = ALERT if late else OPEN
                canvas.words((line.x + 15, line.y), f"open {open_s} s", 15, colour)

    def _draw_trip(self, canvas: Canvas, trip: TripScene, others: Sequence[Point]) -> Point:
        """Draw a van, above others that are in its place, and return where."""
        route = self._tables.routes[trip.route_id]
        line = self._plan.road(route)
        backwards = self._plan.boxes[route.origin_zone].x > self._plan.boxes[route.dest_zone].x
        x, y = _inside(line, 1 - trip.share if backwards else trip.share)
        while any(abs(x - there[0]) < _VAN[0] and abs(y - there[1]) < _VAN[1] for there in others):
            y -= _VAN[1] + 6
        canvas.rect((x - _VAN[0] / 2, y - _VAN[1]), *_VAN, ROAD, radius=3)
        canvas.circle((x - 9, y + 1), 3.5, INK)
        canvas.circle((x + 9, y + 1), 3.5, INK)
        canvas.words((x, y - _VAN[1] / 2), str(trip.specimens), 16, "#ffffff", "middle")
        return x, y


def _inside(line: Line, share: float) -> Point:
    """Return a point of a road such that a van there hides no box."""
    room = _VAN[0] / 2 / max(1.0, abs(line.points[-1][0] - line.points[0][0]))
    return line.at(min(1 - room, max(room, share)))


def as_array(surface: pygame.Surface) -> NDArray[np.uint8]:
    """Return a surface as ``[row, column, colour]``."""
    width, height = surface.get_size()
    pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return pixels.reshape(height, width, 3).copy()  # bytes cannot be written to
