"""Patients: who they are, who decides for them, with which key, at which custodian, and what they are told."""
