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
        found |= {f"{profile.name}: {name}": vault.get(name) for name in vault.names("")}
    for manifest in manifests_of(house):
        for number, keys in keys_of(house, manifest).items():
            name = f"{manifest.study_id.hex()[:8]}, series {number}"
            assert keys.pack_key is not None
            found |= {f"pack key of {name}": keys.pack_key, f"index key of {name}": keys.index_key}
    sealing = bytes.fromhex(house.home.key_file.read_text().strip())
    assert len(sealing) == 32
    return {**found, "key-encryption key": sealing}


def identities_in(paths: Iterable[Path]) -> dict[str, str | bytes]:
    """Return names, ids and UIDs of DICOM files; UIDs of instances by what those of a series begin with."""
    found: dict[str, str | bytes] = {}
    instances: dict[str, list[str]] = {}
    for path in paths:
        head = dcmread(path, stop_before_pixels=True)
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber"):
            value = str(head.get(keyword, ""))
            if len(value) >= MIN_NEEDLE_BYTES:
                found[f"{keyword} {value}"] = value
        for part in str(head.get("PatientName", "")).split("^"):
            if len(part) >= MIN_NEEDLE_BYTES:
                found[f"PatientName {part}"] = part
        instances.setdefault(str(head.SeriesInstanceUID), []).append(str(head.SOPInstanceUID))
    for uids in instances.values():
        first, last = min(uids), max(uids)
        common = first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
        found[f"SOPInstanceUID {common}"] = common
    return found
