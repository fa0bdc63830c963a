"""The part of a policy that resources tell of, read from the policy in a bundle.

Units, reference intervals, critical limits, panels, devices and severities are those in force when
the episode was run. Fields that are not needed here may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec
from labtrust_core.errors import DocumentError


class Limits(msgspec.Struct, frozen=True):
    """Strict limits; decimal texts."""

    low: str | None = None
    high: str | None = None


class Analyte(msgspec.Struct, frozen=True):
    """A quantity: its names, its unit and what is normal."""

    title: str
    unit: str
    ucum: str
    decimals: int
    reference_low: str | None = None
    reference_high: str | None = None
    critical: Limits | None = None

    def interpretation(self, value: Decimal) -> str | None:
        """Return N, L, H, LL or HH; None where the catalogue states no limits.

        The value is rounded as the laboratory rounds it, so that both say the same.
        """
        rounded = value.quantize(Decimal(1).scaleb(-self.decimals))
        critical = self.critical or Limits()
        bounds = (
            (critical.low, -1, "LL"),
            (critical.high, 1, "HH"),
            (self.reference_low, -1, "L"),
            (self.reference_high, 1, "H"),
        )
        for bound, side, flag in bounds:
            if bound is not None and (rounded - Decimal(bound)) * side > 0:
                return flag
        return None if self.reference_low is None and self.reference_high is None else "N"


class Panel(msgspec.Struct, frozen=True):
    """A set of tests."""

    title: str
    analytes: list[str]


class _Catalogue(msgspec.Struct, frozen=True):
    panels: dict[str, Panel]
    analytes: dict[str, Analyte]


class _DeviceType(msgspec.Struct, frozen=True):
    kind: str


class _Device(msgspec.Struct, frozen=True):
    type: str


class _Equipment(msgspec.Struct, frozen=True):
    device_types: dict[str, _DeviceType]
    devices: dict[str, _Device]


class _Reason(msgspec.Struct, frozen=True):
    severity: str


class _Reasons(msgspec.Struct, frozen=True):
    codes: dict[str, _Reason]


class _Workflow(msgspec.Struct, frozen=True):
    actions: dict[str, object]


class _Roles(msgspec.Struct, frozen=True):
    roles: dict[str, object]


class _Documents(msgspec.Struct, frozen=True):
    catalogue: _Catalogue
    equipment: _Equipment
    reason_codes: _Reasons
    workflow: _Workflow
    rbac: _Roles


class Catalogue:
    """What a laboratory can measure, and with what.

    Attributes:
        panels, analytes: By id.
        devices: Kind of each device.
        severities: Severity of each reason code.
        known: Every name that the policy defines, by the short name of our code system.
    """

    def __init__(self, documents: Mapping[str, object]) -> None:
        """Read a policy's documents by name.

        Raises:
            DocumentError: One is missing or is not what it must be.
        """
        try:
            found = msgspec.convert(documents, _Documents)
            self.panels = found.catalogue.panels
            self.analytes = found.catalogue.analytes
            types = found.equipment.device_types
            self.devices = {
                name: types[device.type].kind for name, device in found.equipment.devices.items()
            }
            self.severities = {
                name: reason.severity for name, reason in found.reason_codes.codes.items()
            }
            self.known = {
                "analyte": frozenset(self.analytes),
                "panel": frozenset(self.panels),
                "reason": frozenset(self.severities),
                "action": frozenset(found.workflow.actions),
                "role": frozenset(found.rbac.roles),
            }
            for analyte in self.analytes.values():
                analyte.interpretation(Decimal(0))
        except msgspec.ValidationError as error:
            raise DocumentError(f"the policy cannot be read: {error}") from error
        except KeyError as error:
            raise DocumentError(f"a device is of the unknown type {error}") from error
        except InvalidOperation as error:
            raise DocumentError("a limit of the catalogue is no number") from error
