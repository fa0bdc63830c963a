"""Run a model on the laboratory's own queues, devices, runs, agenda and streams.

Nothing here decides who is next, which unit is free, what is due, whether a run may end or what is
drawn: ``WorkQueue``, ``Device``, ``LabWorld`` and ``labtrust_core.randomness`` do, as in every
episode. People, policy and gates are left out, so handling takes no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.things import Device, Due, Run
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream
from labtrust_core.theory.laws import TICKS, Law, ticks
from labtrust_core.theory.meters import Area, Meters
from labtrust_core.theory.model import Arrivals, Faults, Model, Station

BATCHES: Final = 40
"""Batches that count."""

WARM_UP: Final = 2
"""Batches before them that do not, since the queues begin empty."""

_FOR_EVER: Final = 2**62


@dataclass(slots=True)
class _Customer:
    """A customer: its stream and number there, when it came, and to the queue it is in."""

    arrivals: Arrivals
    number: int
    came: int
    queued: int


def simulate(name: str, model: Model, seed: int, customers: int) -> Meters:
    """Run a model until ``BATCHES`` batches after the warm-up have left.

    Args:
        name: Names the streams, so that every case draws its own numbers.
        model: What to run.
        seed: Seed of all draws.
        customers: How many customers the batches that count hold together.
    """
    return _Line(name, model, seed).run(customers // BATCHES)


class _Line:
    """A world with one device a station, and what is known of the customers in it."""

    def __init__(self, name: str, model: Model, seed: int) -> None:
        self._name = name
        self._model = model
        self._world = LabWorld(seed=seed, simulated=True)
        self._meters = Meters()
        self._customers: dict[str, _Customer] = {}
        self._streams = {arrivals.name: arrivals for arrivals in model.arrivals}
        self._waiting = Area()
        self._present = Area()
        self._now = self._since = self._runs = self._left = 0
        self._stations: dict[str, tuple[int, Station, Device]] = {}
        for index, station in enumerate(model.stations):
            device = Device(f"D{index}", "Z", [0] * station.units)
            self._world.devices[device.device_id] = device
            self._stations[device.device_id] = (index, station, device)
            self._open(station, device)
        for arrivals in model.arrivals:
            self._world.arrivals[arrivals.name] = 0
            self._after(self._draw("interval", arrivals, arrivals.interval, 0), arrivals.name)

    def run(self, size: int) -> Meters:
        happens: dict[str, Callable[[str], None]] = {
            "SYS_ARRIVAL": self._arrive,
            "SYS_RUN_END": self._end,
            "GENERATE_RESULT": self._report,
            "TRANSPORT_TICK": self._timer,
            "SYS_DEVICE_FAULT": self._break,
            "SYS_DEVICE_REPAIR": self._repaired,
        }
        while self._meters.finished < BATCHES + WARM_UP:
            due = self._next()
            self._now = due.t_s
            happens[due.action](due.entity)
            if self._left >= size:
                self._end_batch()
        return self._meters

    def _next(self) -> Due:
        due = self._world.next_due(_FOR_EVER)
        assert due is not None, "arrivals never end"  # noqa: S101 - each arrival schedules one
        return due

    def _draw(self, what: str, arrivals: Arrivals, law: Law, number: int) -> int:
        draws = stream(self._world.seed, f"theory/{self._name}/{what}/{arrivals.name}")
        return law.draw(draws, number)

    def _after(self, wait: int, entity: str, action: str = "SYS_ARRIVAL") -> None:
        self._world.schedule(self._now + wait, action, entity)

    def _open(self, station: Station, device: Device) -> None:
        """Schedule the first tick of a timer, and the first fault."""
        if station.timer is not None:
            self._after(ticks(station.timer), device.device_id, "TRANSPORT_TICK")
        if station.faults is not None:
            self._next_fault(device, station.faults)

    # Customers.

    def _arrive(self, name: str) -> None:
        """A batch of customers comes, and the next one is scheduled."""
        arrivals, counts = self._streams[name], self._world.arrivals
        for _ in range(arrivals.together):
            number = counts[name]
            counts[name] = number + 1
            work_id = f"{name}/{number}"
            self._customers[work_id] = _Customer(arrivals, number, self._now, self._now)
            self._present.change(self._now, 1)
            self._enter(work_id, "D0")
        self._after(self._draw("interval", arrivals, arrivals.interval, counts[name]), name)

    def _enter(self, work_id: str, device_id: str) -> None:
        """Queue a customer, unless there is no room."""
        _, station, device = self._stations[device_id]
        if station.room is not None:
            full = device.idle_unit(self._now) is None and len(device.queue) >= station.room
            self._meters.add("lost", full)
            if full:
                self._present.change(self._now, -1)
                del self._customers[work_id]
                return
        customer = self._customers[work_id]
        customer.queued = self._now
        device.queue.push(work_id, customer.arrivals.rank, self._now)
        self._waiting.change(self._now, 1)
        if station.timer is None:
            self._start_what_can(device_id)

    def _leave(self, work_id: str) -> None:
        customer = self._customers.pop(work_id)
        self._present.change(self._now, -1)
        stay = (self._now - customer.came) / TICKS
        self._meters.add("stay", stay)
        self._meters.add("present less rate x stay", -stay, 0)
        for limit in self._model.stay_over:
            self._meters.add(f"stay > {limit:g}", stay > limit)
        self._left += 1

    # Runs.

    def _start_what_can(self, device_id: str) -> None:
        index, station, device = self._stations[device_id]
        while (
            len(device.queue) >= station.together
            and device.fault_until <= self._now
            and device.idle_unit(self._now) is not None
        ):
            self._start(index, station, device, station.together)

    def _start(self, index: int, station: Station, device: Device, size: int) -> None:
        batch = [self._take(station, device) for _ in range(size)]
        first = self._customers[batch[0]]
        service = first.arrivals.service[index]
        duration = self._draw(f"service {index}", first.arrivals, service, first.number)
        unit = device.occupy(self._now, duration)
        ends = self._now + duration
        results = ends + ticks(station.latency)
        if station.is_centrifuge:
            device.loaded_units.append(unit)
        self._runs += 1
        run = Run(f"R{self._runs}", device.device_id, unit, batch, self._now, ends, results, "")
        self._world.begin(run)
        self._after(duration, run.run_id, "SYS_RUN_END")

    def _take(self, station: Station, device: Device) -> str:
        """Take the head off a queue and measure its wait."""
        work_id = device.queue.head(station.stat_share_percent)
        assert work_id is not None, "who starts a run has counted the queue"  # noqa: S101 - see callers
        device.queue.pop(work_id, station.stat_share_window)
        self._waiting.change(self._now, -1)
        customer = self._customers[work_id]
        wait = (self._now - customer.queued) / TICKS
        add = self._meters.add
        add("wait", wait)
        add(f"wait of {customer.arrivals.name}", wait)
        add("waits at all", wait > 0)
        add("waiting less rate x wait", -wait, 0)
        add("load x wait", wait * customer.arrivals.service[0].mean, 0)
        for limit in self._model.wait_over:
            add(f"wait > {limit:g}", wait > limit)
        return work_id

    def _end(self, run_id: str) -> None:
        run = self._world.runs[run_id]
        if run.ends_s > self._now:
            self._world.schedule(run.ends_s, "SYS_RUN_END", run_id)
            return
        self._meters.add("run", (self._now - run.started_s) / TICKS)
        if self._stations[run.device_id][1].is_centrifuge:
            self._world.devices[run.device_id].loaded_units.remove(run.unit)
        self._world.schedule(run.results_s, "GENERATE_RESULT", run_id)
        if self._stations[run.device_id][1].timer is None:
            self._start_what_can(run.device_id)

    def _report(self, run_id: str) -> None:
        """The results of a run are there, and its customers go on."""
        run = self._world.runs[run_id]
        if run.results_s > self._now:
            self._world.schedule(run.results_s, "GENERATE_RESULT", run_id)
            return
        self._world.finish(run)
        del self._world.runs[run_id]
        following = f"D{self._stations[run.device_id][0] + 1}"
        for work_id in run.specimen_ids:
            if following in self._stations:
                self._enter(work_id, following)
            else:
                self._leave(work_id)

    def _timer(self, device_id: str) -> None:
        """All that wait start together, and the timer starts anew."""
        index, station, device = self._stations[device_id]
        if len(device.queue):
            self._start(index, station, device, len(device.queue))
        self._after(ticks(station.timer or 0), device_id, "TRANSPORT_TICK")

    # Faults.

    def _next_fault(self, device: Device, faults: Faults) -> None:
        draws = stream(self._world.seed, f"theory/{self._name}/fault")
        wait = draws.exponential_s(ticks(1 / faults.breakdowns.rate), device.faults)
        self._after(wait, device.device_id, "SYS_DEVICE_FAULT")

    def _break(self, device_id: str) -> None:
        _, station, device = self._stations[device_id]
        faults = station.faults
        assert faults is not None, "only such a station breaks down"  # noqa: S101 - see _open
        device.faults += 1
        idle = device.idle_unit(self._now) is not None
        if idle and not faults.strike_idle:
            self._next_fault(device, faults)
            return
        draws = stream(self._world.seed, f"theory/{self._name}/repair")
        repair = draws.exponential_s(ticks(faults.breakdowns.repair), device.faults)
        self._world.break_down(device, self._now, repair)
        self._after(repair, device_id, "SYS_DEVICE_REPAIR")

    def _repaired(self, device_id: str) -> None:
        _, station, device = self._stations[device_id]
        if station.faults is not None:
            self._next_fault(device, station.faults)
        self._start_what_can(device_id)

    # Meters.

    def _end_batch(self) -> None:
        """Take what is measured over time, and finish a batch."""
        elapsed = (self._now - self._since) / TICKS
        waiting = self._waiting.take(self._now) / TICKS
        present = self._present.take(self._now) / TICKS
        add = self._meters.add
        add("waiting", waiting, elapsed)
        add("present", present, elapsed)
        add("waiting less rate x wait", waiting, elapsed)
        add("present less rate x stay", present, elapsed)
        add("load x wait", 0, elapsed)
        for _, station, device in self._stations.values():
            add(f"busy {device.device_id}", device.busy_s / TICKS, station.units * elapsed)
            device.busy_s = 0
        self._meters.end_batch()
        self._since = self._now
        self._left = 0
