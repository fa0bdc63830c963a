"""What can be measured and how long specimens keep, as policy documents.

Times in seconds, temperatures in milli-degrees Celsius; quantities are decimal strings in the
analyte's UCUM unit and become integers of ``10**-decimals`` in the world.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.policy.model import Closed, Document, Natural


class CriticalLimits(Closed, frozen=True, kw_only=True):
    """A value strictly below ``low`` or strictly above ``high`` is critical."""

    criticality: Literal["CRIT_A", "CRIT_B"]
    low: str | None = None
    high: str | None = None
    source: str = ""


class ValueModel(Closed, frozen=True, kw_only=True):
    """How simulated values are drawn.

    Normal, or lognormal with the median and the spread in thousandths (of ln).

    Attributes:
        sd, sigma_milli: Spread between persons' set points.
        within_sd, within_sigma_milli: Spread between two collections of one person.
        ill_ppm, ill_median, ill_percent: Share of persons who are ill, their median (by
            default ``median``), and the percentage of both spreads that holds for them.
    """

    distribution: Literal["normal", "lognormal"]
    median: str
    sd: str | None = None
    sigma_milli: int | None = None
    within_sd: str | None = None
    within_sigma_milli: int | None = None
    ill_ppm: Natural = 0
    ill_median: str | None = None
    ill_percent: Natural = 100
    source: str = ""


class Analyte(Closed, frozen=True, kw_only=True):
    """A quantity that is measured. ``unit`` is the printed unit, ``ucum`` its UCUM code.

    ``hemolysis_bias``: by how much one gram of free haemoglobin in a litre raises the value.
    """

    title: str
    loinc: str
    unit: str
    ucum: str
    decimals: int
    reference_low: str | None = None
    reference_high: str | None = None
    critical: CriticalLimits | None = None
    values: ValueModel
    hemolysis_bias: str | None = None
    source: str = ""


class AddOn(Closed, frozen=True, kw_only=True):
    """How often a panel is asked for afterwards on a tube that is in store already.

    Attributes:
        after: Panels whose released tubes it is asked for on.
        rate_ppm: Share of them.
        mean_delay_s: Mean time from their release to the request.
    """

    after: list[str]
    rate_ppm: Natural
    mean_delay_s: Natural
    source: str = ""


class Panel(Closed, frozen=True, kw_only=True):
    """A set of tests on one tube.

    Attributes:
        containers: Container types that are accepted.
        specimen_type: What the tube yields.
        needs_citrate_fill: Whether the tube must be filled to the line.
        needs_separation, needs_aliquot: Stages before analysis.
        analytes: Codes measured.
        autoverify: Whether results that pass the rules may be released without a person.
        add_on: Demand for it on tubes that were measured for something else.
    """

    title: str
    containers: list[str]
    specimen_type: str
    needs_citrate_fill: bool
    needs_separation: bool
    needs_aliquot: bool
    analytes: list[str]
    autoverify: bool
    add_on: AddOn | None = None


class Catalogue(Document, frozen=True, kw_only=True):
    """``catalogue/``: panels and analytes."""

    panels: dict[str, Panel]
    analytes: dict[str, Analyte]


class TemperatureBand(Closed, frozen=True, kw_only=True):
    """A storage band in milli-degrees Celsius."""

    min_milli_c: int
    max_milli_c: int


class PanelStability(Closed, frozen=True, kw_only=True):
    """How long a panel's specimen stays good, in seconds; ``None`` where there is no limit.

    Attributes:
        pre_separation_s: Collection to separation.
        collection_to_arrival_s: Collection to arrival.
        post_separation_s: Separation to run, by temperature band.
        prohibited_bands: Bands it must never have been in.
    """

    pre_separation_s: int | None = None
    collection_to_arrival_s: int | None = None
    post_separation_s: dict[str, int]
    prohibited_bands: list[str] = msgspec.field(default_factory=list)
    source: str = ""


class Stability(Document, frozen=True, kw_only=True):
    """``stability/``.

    Bands and limits. ``out_of_band_grace_s``: time outside its band that a specimen survives.
    """

    out_of_band_grace_s: int
    bands: dict[str, TemperatureBand]
    panels: dict[str, PanelStability]
