"""HL7 FHIR R4 (4.0.1): an episode's evidence as a Bundle, and the checks of such a Bundle."""
