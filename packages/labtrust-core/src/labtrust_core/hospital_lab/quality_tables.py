"""Quality control as policy states it, compiled for looking up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from labtrust_core.hospital_lab.documents.catalogue import Catalogue
from labtrust_core.hospital_lab.documents.equipment import Equipment
from labtrust_core.hospital_lab.documents.quality import ErrorProcess, Quality
from labtrust_core.policy.load import Policy


@dataclass(frozen=True, slots=True)
class ControlTable:
    """A control material: target and deviation of each level, as integers.

    In thousandths of the analyte's last digit, so that a deviation below that digit keeps its size.
    """

    targets: tuple[int, ...]
    sds: tuple[int, ...]

    def sd_at(self, value: int) -> int:
        """Return the deviation at a value, both in thousandths of the analyte's last digit.

        That of the lower level below it, straight on between the levels, in proportion above.
        """
        (low, high), (sd_low, sd_high) = self.targets, self.sds
        if value <= low:
            return sd_low
        if value >= high:
            return sd_high * value // high
        return sd_low + (sd_high - sd_low) * (value - low) // (high - low)


@dataclass(frozen=True, slots=True)
class QualityTable:
    """Everything quality control looks up.

    Attributes:
        controls: By analyte.
        rules: What follows from each rule in force, by its name.
        errors: How a device goes wrong, by device.
        analytes: What is controlled on a device, by device.
    """

    controls: dict[str, ControlTable]
    rules: dict[str, str]
    errors: dict[str, ErrorProcess]
    analytes: dict[str, tuple[str, ...]]


def compile_quality(policy: Policy) -> QualityTable:
    """Compile quality control; its references have been checked."""
    document = policy.get("quality", Quality)
    catalogue = policy.get("catalogue", Catalogue)
    equipment = policy.get("equipment", Equipment)
    controls = {}
    for code, material in document.materials.items():
        scale = Decimal(10) ** (catalogue.analytes[code].decimals + 3)
        controls[code] = ControlTable(
            tuple(int(Decimal(level.target) * scale) for level in material.levels),
            tuple(int(Decimal(level.sd) * scale) for level in material.levels),
        )
    analytes = {}
    for device_id, device in equipment.devices.items():
        kind = equipment.device_types[device.type]
        if kind.qc is not None:
            listed = (code for panel in kind.panels for code in catalogue.panels[panel].analytes)
            analytes[device_id] = tuple(dict.fromkeys(listed))
    return QualityTable(
        controls=controls,
        rules=dict(document.rules),
        errors={
            device_id: document.errors[device.type]
            for device_id, device in equipment.devices.items()
            if device.type in document.errors
        },
        analytes=analytes,
    )
