"""The cases: models whose exact answer is known.

Mean service is 1 unit of time unless a case says otherwise, so that waits are in mean services.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from typing import Final

from labtrust_core.theory import formulas
from labtrust_core.theory.control_formulas import FORMULAS
from labtrust_core.theory.formulas import Breakdowns
from labtrust_core.theory.laws import (
    Erlang,
    Exponential,
    Fixed,
    Hyperexponential,
    Law,
    LogNormal,
    Uniform,
)
from labtrust_core.theory.model import ROUTINE, Arrivals, Controls, Faults, Model, Station

CLASSES: Final = ("STAT", "URGENT", "ROUTINE")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured in a case, the name of its meter, and the exact value."""

    name: str
    exact: float


@dataclass(frozen=True, slots=True)
class Case:
    """A model and its exact answers.

    Attributes:
        name: Short name, unique.
        source: Whose formula it is.
        model: What is simulated.
        quantities: What theory says.
    """

    name: str
    source: str
    model: Model | Controls
    quantities: tuple[Quantity, ...]


def _poisson(rate: float, service: Law | None = None, **more: int) -> Arrivals:
    return Arrivals("all", Exponential(1 / rate), (service or Exponential(),), **more)


def _little() -> tuple[Quantity, ...]:
    """Little's law: what two separate meters say must agree."""
    return (
        Quantity("waiting less rate x wait", 0.0),
        Quantity("present less rate x stay", 0.0),
    )


def _single_cases() -> Iterator[Case]:
    for load in (0.5, 0.8):
        late = -log(0.1) / (1 - load)
        yield Case(
            f"M/M/1, load {load:g}",
            "Erlang; Little",
            Model((_poisson(load),), stay_over=(round(late, 3),)),
            (
                Quantity("busy D0", load),
                Quantity("waits at all", load),
                Quantity("wait", load / (1 - load)),
                Quantity("stay", 1 / (1 - load)),
                Quantity(f"stay > {round(late, 3):g}", exp(-(1 - load) * round(late, 3))),
                Quantity("waiting", load**2 / (1 - load)),
                Quantity("present", load / (1 - load)),
                *_little(),
            ),
        )
    laws: tuple[tuple[str, Law], ...] = (
        ("M/D/1", Fixed()),
        ("M/E2/1", Erlang(2)),
        ("M/uniform(0.5, 1.5)/1", Uniform(0.5, 1.5)),
        ("M/log-normal/1, sigma 0.472", LogNormal(472)),
        ("M/H2/1, squared cv 4", Hyperexponential(887_298)),
    )
    for name, law in laws:
        wait = formulas.pollaczek_khinchine(0.8, law)
        yield Case(
            f"{name}, load 0.8",
            "Pollaczek-Khinchine",
            Model((_poisson(0.8, law),)),
            (Quantity("wait", wait), Quantity("waiting", 0.8 * wait)),
        )
    for name, interval, phases in (
        ("D/M/1", Fixed(1.25), None),
        ("E2/M/1", Erlang(2, 1.25), 2),
    ):
        root = formulas.gim1_root(phases, 1.25)
        yield Case(
            f"{name}, load 0.8",
            "GI/M/1 root",
            Model((Arrivals("all", interval),)),
            (Quantity("waits at all", root), Quantity("wait", formulas.gim1_wait(phases, 1.25))),
        )


def _many_server_cases() -> Iterator[Case]:
    for servers, rate, limits in (
        (2, 1.6, ()),
        (3, 2.4, ()),
        (5, 4.0, (0.5, 1.0, 2.0)),
        (10, 9.0, ()),
    ):
        wait = formulas.mmc_wait(rate, servers)
        yield Case(
            f"M/M/{servers}, load {rate / servers:g}",
            "Erlang C",
            Model((_poisson(rate),), (Station(units=servers),), wait_over=limits),
            (
                Quantity("waits at all", formulas.erlang_c(rate, servers)),
                Quantity("wait", wait),
                Quantity("waiting", rate * wait),
                *(
                    Quantity(f"wait > {limit:g}", formulas.mmc_wait_over(rate, servers, limit))
                    for limit in limits
                ),
                *_little(),
            ),
        )


def _priority_case(
    name: str,
    rates: tuple[float, ...],
    services: tuple[Law, ...],
    units: int = 1,
) -> Case:
    names = CLASSES if len(rates) == len(CLASSES) else ("STAT", "ROUTINE")
    arrivals = tuple(
        Arrivals(who, Exponential(1 / rate), (law,), rank)
        for rank, (who, rate, law) in enumerate(zip(names, rates, services, strict=True))
    )
    if units > 1:
        waits = formulas.cobham_many(rates, units)
        total = sum(rate * wait for rate, wait in zip(rates, waits, strict=True))
    else:
        waits = formulas.cobham(rates, services)
        total = formulas.conserved(rates, services)
    return Case(
        name,
        "Cobham; conservation law",
        Model(arrivals, (Station(units=units),)),
        (
            *(Quantity(f"wait of {who}", wait) for who, wait in zip(names, waits, strict=True)),
            Quantity("load x wait", total),
        ),
    )


def _fairness_cases() -> Iterator[Case]:
    """The laboratory's fairness rule changes who waits, not how much work waits."""
    rates, services = (0.4, 0.4), (Exponential(), Exponential())
    for share, window in ((35, 20), (50, 10)):
        yield Case(
            f"M/M/1, STAT share of starts at most {share} % of {window}",
            "conservation law",
            Model(
                tuple(
                    Arrivals(who, Exponential(1 / rate), (law,), rank)
                    for who, rate, law, rank in zip(
                        ("STAT", "ROUTINE"), rates, services, (0, ROUTINE), strict=True
                    )
                ),
                (Station(stat_share_percent=share, stat_share_window=window),),
            ),
            (
                Quantity("load x wait", formulas.conserved(rates, services)),
                Quantity("wait", 4.0),
                *_little(),
            ),
        )


def _priority_cases() -> Iterator[Case]:
    one = Exponential()
    yield _priority_case("M/M/1, two priorities", (0.2, 0.6), (one, one))
    yield _priority_case("M/M/1, three priorities", (0.1, 0.3, 0.4), (one, one, one))
    yield _priority_case("M/D/1, two priorities", (0.2, 0.6), (Fixed(), Fixed()))
    yield _priority_case("M/M/1, short STAT runs", (0.4, 0.6), (Exponential(0.5), one))
    yield _priority_case("M/M/2, two priorities", (0.4, 1.2), (one, one), 2)
    yield _priority_case("M/M/5, two priorities", (1.0, 3.0), (one, one), 5)


def _limited_cases() -> Iterator[Case]:
    shares = formulas.mm1k(0.8, 10)
    present = sum(count * share for count, share in enumerate(shares))
    yield Case(
        "M/M/1 with 10 places, load 0.8",
        "M/M/1/K",
        Model((_poisson(0.8),), (Station(room=9),)),
        (
            Quantity("lost", shares[-1]),
            Quantity("present", present),
            Quantity("stay", present / (0.8 * (1 - shares[-1]))),
        ),
    )
    for name, law in (("M/M/5", Exponential()), ("M/D/5", Fixed())):
        lost = formulas.erlang_b(4, 5)
        yield Case(
            f"{name} without a queue, 4 offered",
            "Erlang B",
            Model((_poisson(4, law),), (Station(units=5, room=0),)),
            (Quantity("lost", lost), Quantity("present", 4 * (1 - lost))),
        )
    services = tuple(Exponential(mean) for mean in (1, 0.8, 0.5))
    yield Case(
        "three stations in a row",
        "Burke; Jackson",
        Model((Arrivals("all", Exponential(1.25), services),), (Station(),) * len(services)),
        (
            Quantity("stay", sum(1 / (1 / law.mean - 0.8) for law in services)),
            *(Quantity(f"busy D{index}", 0.8 * law.mean) for index, law in enumerate(services)),
            *_little(),
        ),
    )


def _batch_cases() -> Iterator[Case]:
    stay = formulas.batch_arrivals_stay(0.1, 8)
    yield Case(
        "M/M/1, arrivals of 8, load 0.8",
        "batch arrivals",
        Model((_poisson(0.1, together=8),)),
        (Quantity("stay", stay), Quantity("present", 0.8 * stay), *_little()),
    )
    yield Case(
        "centrifuge started every 10",
        "uniform wait",
        Model((_poisson(2, Fixed(5)),), (Station(timer=10),), wait_over=(9.0,)),
        (Quantity("wait", 5.0), Quantity("wait > 9", 0.1), Quantity("waiting", 10.0)),
    )
    yield Case(
        "centrifuge with units enough, full batch of 20",
        "fill wait",
        Model((_poisson(2, Fixed(1)),), (Station(units=8, together=20),)),
        (Quantity("wait", formulas.fill_wait(2, 20)), Quantity("waiting", 9.5)),
    )
    wait = formulas.fill_wait(3.2, 4) + formulas.gim1_wait(4, 1.25)
    yield Case(
        "centrifuge with one unit, full batch of 4, load 0.8",
        "fill wait; E4/M/1 root",
        Model((_poisson(3.2),), (Station(together=4),)),
        (Quantity("wait", wait), Quantity("busy D0", 0.8)),
    )


def _latency_cases() -> Iterator[Case]:
    yield Case(
        "M/M/1, results 3 after each run",
        "M/M/1; a constant more",
        Model((_poisson(0.8),), (Station(latency=3),)),
        (Quantity("wait", 4.0), Quantity("stay", 8.0), Quantity("busy D0", 0.8)),
    )


def _fault_cases() -> Iterator[Case]:
    breakdowns = Breakdowns(rate=0.1, repair=2)
    resumed = formulas.resumed(Exponential(), breakdowns)
    for name, source, faults, run, wait in (
        (
            "M/M/1, faults in runs, resumed",
            "completion times; Pollaczek-Khinchine",
            Faults(breakdowns, strike_idle=False),
            resumed,
            formulas.pollaczek_khinchine(0.5, resumed),
        ),
        (
            "M/M/1, faults at any time, resumed",
            "completion times; Levy-Kleinrock",
            Faults(breakdowns),
            resumed,
            formulas.wait_with_faults(0.5, resumed, breakdowns),
        ),
    ):
        yield Case(
            name,
            source,
            Model((_poisson(0.5),), (Station(faults=faults),)),
            (
                Quantity("run", run.mean),
                Quantity("wait", wait),
                Quantity("stay", wait + run.mean),
                Quantity("waiting", 0.5 * wait),
            ),
        )


def _control_cases() -> Iterator[Case]:
    """False alarms in control, and how soon an error is found."""
    gross = ("1-3s", "1-3s, 2-2s within a run, R-4s", "1-3s, 2-2s, R-4s")
    systematic = (*gross, "2-2s within a run", "2-2s across two runs", "4-1s", "10x")
    for name, model, rules in (
        ("controls, in control", Controls(), tuple(FORMULAS)),
        ("controls, bias of 1 SD", Controls(1_000), systematic),
        ("controls, bias of 2 SD", Controls(2_000), systematic),
        ("controls, bias of -3 SD", Controls(-3_000), systematic),
        ("controls, scatter doubled", Controls(sd_percent=200), (*gross, "R-4s")),
    ):
        bias, sd = model.bias_milli / 1_000, model.sd_percent / 100
        yield Case(
            name,
            "Westgard's rules; normal law",
            model,
            tuple(Quantity(rule, FORMULAS[rule](bias, sd)) for rule in rules),
        )


CASES: Final = (
    *_single_cases(),
    *_many_server_cases(),
    *_priority_cases(),
    *_fairness_cases(),
    *_limited_cases(),
    *_batch_cases(),
    *_latency_cases(),
    *_fault_cases(),
    *_control_cases(),
)
"""All cases, in the order in which they are shown."""
