"""What a case of theory is made of.

Streams of customers and stations in a row, or a device whose controls are measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.theory.formulas import Breakdowns
from labtrust_core.theory.laws import Exponential, Law

ROUTINE: Final = PRIORITY_RANK["ROUTINE"]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A stream of customers.

    Attributes:
        name: What its meters are called.
        interval: Time between arrivals.
        service: Service time at each station.
        rank: Priority rank in the queues, 0 first.
        together: How many arrive at a time.
    """

    name: str
    interval: Law
    service: tuple[Law, ...] = (Exponential(),)
    rank: int = ROUTINE
    together: int = 1


@dataclass(frozen=True, slots=True)
class Faults:
    """How a station's device breaks down.

    Attributes:
        breakdowns: Their rate and the mean repair; a run stands still for as long.
        strike_idle: Faults strike an idle device too.
    """

    breakdowns: Breakdowns
    strike_idle: bool = True


@dataclass(frozen=True, slots=True)
class Station:
    """A device and its queue.

    Attributes:
        units: How many runs can go on at a time.
        together: A run takes exactly so many customers.
        timer: A run starts every so many units of time with all that wait, and at no other time.
        room: How many may wait; who finds no free unit and no room is lost. ``None`` for no limit.
        stat_share_percent: The laboratory's fairness rule; 100 switches it off.
        stat_share_window: Over how many starts that share is measured.
        latency: Time from the end of a run, when its unit is free, to its results.
        faults: How the device breaks down, if it does. Only with one unit.
    """

    units: int = 1
    together: int = 1
    timer: float | None = None
    room: int | None = None
    stat_share_percent: int = 100
    stat_share_window: int = 20
    latency: float = 0
    faults: Faults | None = None

    @property
    def is_centrifuge(self) -> bool:
        """Whether a unit holds a batch, and is taken until it is unloaded."""
        return self.together > 1 or self.timer is not None


@dataclass(frozen=True, slots=True)
class Model:
    """Streams of customers that pass stations in a row.

    Attributes:
        arrivals: The streams.
        stations: The stations, in the order in which customers pass them.
        wait_over: Limits for which the share of longer waits is measured.
        stay_over: The same for the time from arrival to departure.
    """

    arrivals: tuple[Arrivals, ...]
    stations: tuple[Station, ...] = (Station(),)
    wait_over: tuple[float, ...] = ()
    stay_over: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Controls:
    """How wrong a device measures controls at two levels.

    Attributes:
        bias_milli: Bias in thousandths of the control's stated standard deviation.
        sd_percent: Deviation of its measurements, in percent of the stated one.
    """

    bias_milli: int = 0
    sd_percent: int = 100
