"""Everything of a home that may lie nowhere in plaintext: keys as its vaults hold them, identities, UIDs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydicom import dcmread

from fiducia.app.wiring import House
from tests.support.plaintext import MIN_NEEDLE_BYTES
from tests.support.truths import keys_of, manifests_of


def keys_in(house: House) -> dict[str, str | bytes]:
    """Return every key of a home: of profiles, vaults and series, and the one that seals them all."""
    found: dict[str, str | bytes] = {}
    for profile in house.profiles().all():
        found |= {f"{profile.name}: {name.value}": secret for name, secret in profile.keys}
        vault = house.vault(profile.name)
        # Shares hold the keys of series, which are looked for by themselves.
        own = [name for name in vault.names("") if not name.startswith("share/")]
        found |= {f"{profile.name}: {name}": vault.get(name) for name in own}
    for manifest in manifests_of(house):
        for number, keys in keys_of(house, manifest).items():
            name = f"{manifest.study_id.hex()[:8]}, series {number}"
            assert keys.pack_key is not None
            found |= {f"pack key of {name}": keys.pack_key, f"index key of {name}": keys.index_key}
    sealing = bytes.fromhex(house.home.key_file.read_text().strip())
    assert len(sealing) == 32
    return {**found, "key-encryption key": sealing}


def identities_in(paths: Iterable[Path]) -> dict[str, str | bytes]:
    """Return names and ids of DICOM files, and of each study what all its UIDs begin with."""
    found: dict[str, str | bytes] = {}
    uids: dict[str, list[str]] = {}
    for path in paths:
        head = dcmread(path, stop_before_pixels=True)
        name = str(head.get("PatientName", ""))
        for value in (name, *name.split("^"), str(head.PatientID), str(head.get("AccessionNumber", ""))):
            if len(value) >= MIN_NEEDLE_BYTES:
                found[f"of a patient: {value}"] = value
        own = (head.StudyInstanceUID, head.SeriesInstanceUID, head.SOPInstanceUID)
        uids.setdefault(str(head.StudyInstanceUID), []).extend(map(str, own))
    for each in uids.values():
        first, last = min(each), max(each)
        same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        found[f"UID {first[:same]}"] = first[:same]
    return found
