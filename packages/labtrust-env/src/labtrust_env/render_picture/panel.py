"""Draws the column beside the plan: clock, counts, crew, alarms and the legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.render.floor_symbols import ALERT, ROAD, ZONE_COLOURS
from labtrust_core.render.svg import FAINT, INK

from labtrust_env.render_picture.canvas import Canvas, Point, fitted, fitting
from labtrust_env.render_picture.scene import TUBE_STATUSES, PersonScene, Scene
from labtrust_env.render_picture.symbols import (
    OPEN,
    PRIORITIES,
    QC_COLOURS,
    STATE_COLOURS,
    STATUS_COLOURS,
    WORK,
    draw_alarm,
    draw_door,
    draw_person,
    draw_tube,
    draw_vial,
)

PANEL: Final = 300
_COUNTS: Final = 118  # y of the counts
_COUNT: Final = 44
_CREW: Final = _COUNTS + 4 * _COUNT + 26
_MEMBER: Final = 26
_ALARM: Final = 19
_ALARMS: Final = 5
_LINE: Final = 20
_RULE: Final = "#d9dfe4"


def panel_height(members: int) -> float:
    """Return the height of the column for a crew of so many members."""
    return _legend_top(members) + 14 * _LINE + 8


def _alarm_top(members: int) -> float:
    return _CREW + members * _MEMBER + 34


def _legend_top(members: int) -> float:
    return _alarm_top(members) + _ALARMS * _ALARM + 34


def draw_empty_panel(canvas: Canvas, corner: Point, members: int) -> None:
    """Draw what does not change: headings and the legend."""
    x, y = corner
    for top, heading in (
        (_CREW, "Crew"),
        (_alarm_top(members), "Alarms"),
        (_legend_top(members), "Legend"),
    ):
        canvas.line((x, y + top - 22), (x + PANEL, y + top - 22), _RULE)
        canvas.words((x, y + top - 10), heading, 19, INK)
    _draw_legend(canvas, (x, y + _legend_top(members) + 12))


def draw_panel(
    canvas: Canvas, corner: Point, scene: Scene, tables: LabTables, colours: Mapping[str, str]
) -> None:
    """Draw what holds at one moment.

    Args:
        canvas: Has the empty column already.
        corner: The upper left one of the column.
        scene: The moment.
        tables: The laboratory's policy.
        colours: Role to its colour.
    """
    x, y = corner
    done, whole = scene.step
    canvas.words((x, y + 22), scene.clock, 50, INK)
    canvas.words((x + PANEL, y + 12), f"step {done} of {whole}", 18, FAINT, "right")
    canvas.words((x + PANEL, y + 30), f"{scene.elapsed} since the start", 18, FAINT, "right")
    canvas.rect((x, y + 52), PANEL, 6, "#dfe5ea", radius=3)
    canvas.rect((x, y + 52), max(6.0, PANEL * done / whole), 6, WORK, radius=3)
    canvas.words((x, y + 76), f"ledger {scene.head}", 16, FAINT)
    for number, (name, count, is_bad) in enumerate(scene.counts):
        at = (x + number % 2 * PANEL / 2, y + _COUNTS + number // 2 * _COUNT)
        canvas.words((at[0], at[1]), str(count), 34, ALERT if is_bad else INK)
        canvas.words((at[0], at[1] + 19), name, 16, FAINT)
    for number, person in enumerate(scene.people):
        at = (x, y + _CREW + number * _MEMBER + 12)
        _draw_member(canvas, at, person, tables, colours[person.role])
    top = y + _alarm_top(len(scene.people)) + 10
    for number, (when, text) in enumerate(scene.alarms[:_ALARMS]):
        draw_alarm(canvas, (x + 7, top + number * _ALARM))
        told = fitted(f"{when}  {text}", 16, PANEL - 22)
        canvas.words((x + 20, top + number * _ALARM), told, 16, INK)
    if not scene.alarms:
        canvas.words((x, top), "none", 16, FAINT)


def _draw_member(
    canvas: Canvas, at: Point, person: PersonScene, tables: LabTables, colour: str
) -> None:
    x, y = at
    unladen = PersonScene(
        person.name, person.mark, person.role, person.zone, person.busy, person.stopped, ()
    )
    draw_person(canvas, (x + 12, y), unladen, colour)
    canvas.words((x + 30, y - 5), person.name, 17, INK)
    zone, size = fitting(tables.zones[person.zone].title, (14, 13, 12), 152)
    canvas.words((x + 30, y + 7), zone, size, FAINT)
    shown = person.carried[:10]
    for number, tube in enumerate(shown):
        draw_tube(canvas, (x + 184 + number * 9, y - 8), tube)
    if len(person.carried) > len(shown):
        text = f"+{len(person.carried) - len(shown)}"
        canvas.words((x + PANEL, y), text, 16, INK, "right")


def _draw_legend(canvas: Canvas, corner: Point) -> None:
    x, y = corner
    half = PANEL / 2
    for number, status in enumerate(TUBE_STATUSES):
        at = (x + number % 2 * half, y + number // 2 * _LINE)
        colour, name = STATUS_COLOURS[status]
        draw_vial(canvas, (at[0] + 4, at[1] - 8), "#8b98a5", colour)
        _say(canvas, (at[0] + 26, at[1]), name)
    y += 5 * _LINE
    for number, (name, colour) in enumerate(PRIORITIES):
        at = (x + number * PANEL / 3, y)
        draw_vial(canvas, (at[0] + 4, at[1] - 8), colour, "#ffffff")
        _say(canvas, (at[0] + 26, at[1]), name)
    y += _LINE + 3
    samples = (("busy", True, False), ("stopped", False, True))
    for number, (name, busy, stopped) in enumerate(samples):
        person = PersonScene("", "", "", "", busy, stopped, ())
        draw_person(canvas, (x + 10 + number * half, y), person, "#4a6b8a")
        _say(canvas, (x + 26 + number * half, y), name)
    y += _LINE + 3
    for number, (state, (ground, words)) in enumerate(STATE_COLOURS.items()):
        at = (x + number * PANEL / 4, y)
        canvas.rect((at[0], at[1] - 7), 62, 14, ground, radius=7)
        canvas.words((at[0] + 31, at[1] + 0.5), state, 14, words, "middle")
    y += _LINE
    for number, (state, colour) in enumerate(QC_COLOURS.items()):
        at = (x + number * PANEL / 3, y)
        canvas.circle((at[0] + 8, at[1]), 5, colour)
        canvas.words((at[0] + 8, at[1] + 0.5), "Q", 12, "#ffffff", "middle")
        _say(canvas, (at[0] + 26, at[1]), f"QC {state}")
    y += _LINE
    for number, (name, is_open) in enumerate((("door, shut", False), ("door, open", True))):
        draw_door(canvas, (x + 11 + number * half, y), "STANDARD", is_open=is_open)
        _say(canvas, (x + 28 + number * half, y), name, OPEN if is_open else FAINT)
    y += _LINE
    canvas.dashed((x, y), (x + 20, y), ROAD, 2)
    _say(canvas, (x + 28, y), "transport between sites")
    y += _LINE
    for number, (fill, stroke, meaning) in enumerate(ZONE_COLOURS.values()):
        at = (x + number % 2 * half, y + number // 2 * _LINE)
        canvas.rect((at[0], at[1] - 6), 20, 12, fill, edge=stroke, radius=2)
        _say(canvas, (at[0] + 28, at[1]), meaning.partition(":")[0])


def _say(canvas: Canvas, at: Point, text: str, colour: str = FAINT) -> None:
    canvas.words(at, text, 16, colour)
