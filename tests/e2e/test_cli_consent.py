"""FHIR through the command line: a grant shown as a Consent, and a Consent signed by its patient."""

from __future__ import annotations

import json
from pathlib import Path

from fhir.resources.R4B.consent import Consent as R4Consent

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of

LEFT_OPEN = ("identifier", "sourceReference", "extension", "dateTime")


def test_a_consent_is_shown_changed_signed_and_opens_the_study(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    folder = samples.make(2)
    study = embedded.register(folder)
    grant = embedded.grant(study)
    shown = embedded.ok("grant", "show", grant, "--fhir", "--as", "auditor")
    R4Consent.model_validate(shown)
    assert shown["identifier"] == [{"system": "urn:fiducia:grant", "value": grant}]
    embedded.ok("grant", "revoke", grant, "--as", study["patient_profile"])
    assert embedded.ok("grant", "show", grant, "--fhir")["status"] == "inactive"

    consent = tmp_path / "consent.json"
    words = ("grant", "give", "--from-fhir", consent, "--as", study["patient_profile"])
    consent.write_text(json.dumps(shown))
    assert embedded.fails(5, *words)["detail"].startswith("Consent.extension: terms")
    left_open = {name: value for name, value in shown.items() if name not in LEFT_OPEN}
    consent.write_text(json.dumps(left_open | {"policyRule": {"text": "x"}}))
    assert embedded.fails(5, *words)["detail"].startswith("Consent.policyRule: ")
    consent.write_text(json.dumps(left_open))
    given = embedded.ok(*words)
    assert given["study_id"] == study["study_id"]
    assert given["grant_id"] != grant
    assert "to treat you" in " ".join(given["words"])
    embedded.ok(*embedded.fetch_words(study, tmp_path / "out"))
    assert files_of(tmp_path / "out") == files_of(folder)
