"""The list of the laboratory's policy documents and the files they are in."""

from __future__ import annotations

from labtrust_core.hospital_lab.documents.catalogue import Catalogue, Stability
from labtrust_core.hospital_lab.documents.equipment import Equipment, Failures, Reagents
from labtrust_core.hospital_lab.documents.floor import Sites, ZoneLayout
from labtrust_core.hospital_lab.documents.people import Crews, CriticalLadder
from labtrust_core.hospital_lab.documents.quality import Quality
from labtrust_core.hospital_lab.documents.workload import Workload
from labtrust_core.policy.model import DocumentKind

LAB_DOCUMENTS = (
    DocumentKind("zones", "zones/zone_layout_policy.v0.1.yaml", ZoneLayout),
    DocumentKind("sites", "sites/sites_policy.v0.1.yaml", Sites),
    DocumentKind("equipment", "equipment/equipment_registry.v0.1.yaml", Equipment),
    DocumentKind("quality", "quality/quality_control.v0.1.yaml", Quality),
    DocumentKind("failures", "equipment/failure_models.v0.1.yaml", Failures),
    DocumentKind("catalogue", "catalogue/test_catalogue.v0.1.yaml", Catalogue),
    DocumentKind("stability", "stability/stability_policy.v0.1.yaml", Stability),
    DocumentKind("reagents", "reagents/reagent_policy.v0.1.yaml", Reagents),
    DocumentKind("critical", "critical/escalation_ladder.v0.2.yaml", CriticalLadder),
    DocumentKind("crews", "crews/crews.v0.1.yaml", Crews),
    DocumentKind("workload", "workload/workload_profiles.v0.1.yaml", Workload),
)
