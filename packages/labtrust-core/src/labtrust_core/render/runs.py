"""Follows the runs of the devices through a log: what was put in, when, and when it came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.lookup import unused
from labtrust_core.render.episode_log import LoggedEvent

_STARTS: Final = frozenset({"START_RUN", "START_RUN_OVERRIDE", "CENTRIFUGE_START"})
_ENDS: Final = frozenset({"END_RUN", "SYS_RUN_END"})


@dataclass(slots=True)
class Run:
    """Specimens in a device, from loading to unloading.

    Attributes:
        end_s: When they came out, or None where the log does not tell.
        agent: Who started it.
    """

    run_id: str
    device_id: str
    specimens: tuple[str, ...]
    start_s: int
    agent: str
    end_s: int | None = None


class Runs:
    """The runs so far.

    Attributes:
        runs: By id, in the order in which they started.
        aliquots: Aliquot id to the specimen that it was drawn from.
    """

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.aliquots: dict[str, str] = {}
        self._loaded: dict[str, Run] = {}  # specimen to the run that it is in

    def specimens(self, event: LoggedEvent) -> tuple[str, ...]:
        """Return the specimens that an event names; an aliquot stands for its specimen."""
        return tuple(self.aliquots.get(item, item) for item in event.named())

    def follow(self, event: LoggedEvent) -> tuple[Run | None, tuple[Run, ...]]:
        """Take the next accepted event; return the run that it starts and those that it ends."""
        if event.action == "ALIQUOT_CREATE":
            for item in event.named():
                self.aliquots[event.text("aliquot_id")] = item
        if event.action in _STARTS:
            return self._start(event), ()
        return None, self._end(event)

    def _start(self, event: LoggedEvent) -> Run:
        stated = next(iter(event.answered("run_id")), "") or event.text("run_id") or "RUN"
        run = Run(
            unused(stated, self.runs),
            event.text("device_id"),
            self.specimens(event),
            event.t_s,
            event.agent,
        )
        self.runs[run.run_id] = run
        self._loaded.update(dict.fromkeys(run.specimens, run))
        return run

    def _end(self, event: LoggedEvent) -> tuple[Run, ...]:
        found: dict[str, Run] = {}
        if event.action in _ENDS and event.text("run_id") in self.runs:
            run = self.runs[event.text("run_id")]
            found[run.run_id] = run
        elif event.action == "CENTRIFUGE_END":  # names tubes; each one's whole batch comes out
            loaded = (self._loaded.get(item) for item in self.specimens(event))
            found = {run.run_id: run for run in loaded if run is not None}
        ended = tuple(run for run in found.values() if run.end_s is None)
        for run in ended:
            run.end_s = event.t_s
        return ended
