"""Cases of keys on their way: shares, custody documents, sealed lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fiducia.core.formats.canonical import canonical_json
from fiducia.core.keys.custody import Custody, custody_digest, deal_series, share_digest
from fiducia.core.keys.kem import Kem, KemKey, new_secret
from fiducia.core.keys.sealing import key_hash, open_shares, seal_shares
from fiducia.core.keys.shares import SeriesShare, deal
from fiducia.errors import FiduciaError
from tests.vectors.material import STUDY_ID, keys, material, place
from tests.vectors.object_cases import Case

TRUSTEE = 7


def key_cases(folder: Path) -> Iterator[Case]:
    """Yield (name, case); sealed lists are kept from `folder` as long as they open."""
    yield from _shares()
    yield from _custody()
    yield from _sealed(folder)


def _shares() -> Iterator[Case]:
    secret = material("secret")
    for threshold, holders in ((1, 1), (1, 3), (2, 3), (3, 5)):
        randomness = material("randomness", 32 * (threshold - 1))
        shares = deal(secret, threshold=threshold, holders=holders, randomness=randomness)
        yield (
            f"shares/{threshold}-of-{holders}",
            {
                "secret": secret.hex(),
                "threshold": threshold,
                "randomness": randomness.hex(),
                "shares": [share.hex() for share in shares],
            },
        )
    yield (
        "shares/digest",
        {
            "study_id": STUDY_ID.hex(),
            "sealed_in": 2,
            "series": 9,
            "kind": "pack/",
            "index": 3,
            "share": secret.hex(),
            "digest": share_digest(place(9, 2), b"pack/", 3, secret).hex(),
        },
    )


def custody(
    threshold: int = 2, trustees: tuple[int, ...] = (7, 3, 12)
) -> tuple[Custody, list[tuple[SeriesShare, ...]]]:
    """Return a custody of two series, and each series' shares."""
    dealt = [
        deal_series(
            place(number),
            keys(number),
            threshold=threshold,
            holders=len(trustees),
            randomness=material(f"dealing {number}", 64 * (threshold - 1)),
        )
        for number in (1, 2)
    ]
    return Custody(STUDY_ID, threshold, trustees, tuple(entry for entry, _ in dealt)), [shares for _, shares in dealt]


def _custody() -> Iterator[Case]:
    document, _ = custody()
    data = document.to_bytes()
    yield "custody/accepted", {"document": data.decode(), "outcome": "accepted", "sha256": custody_digest(data).hex()}
    value = json.loads(data)
    series = value["series"][0]
    for name, changed in {
        "threshold-0": value | {"threshold": 0},
        "threshold-above-trustees": value | {"threshold": 4},
        "no-trustees": value | {"trustees": []},
        "trustee-twice": value | {"trustees": [7, 3, 7]},
        "digest-missing": value | {"series": [series | {"pack_digests": series["pack_digests"][:2]}]},
        "series-descending": value | {"series": value["series"][::-1]},
        "unknown-field": value | {"note": ""},
    }.items():
        yield f"custody/refused-{name}", {"document": canonical_json(changed).decode(), "outcome": "refused"}


def _sealed(folder: Path) -> Iterator[Case]:
    seed, request_id = material("recipient seed"), material("request_id")
    recipient = KemKey.from_seed(seed).public
    both = tuple(shares[0] for shares in custody()[1])
    base = {"seed": seed.hex(), "recipient": recipient.hex(), "recipient_hash": key_hash(recipient).hex()}
    for name, shares in {"metadata": tuple(share.metadata_only() for share in both), "all": both}.items():
        sealed = _kept(folder / f"sealed/opens-{name}.json", shares, seed, request_id)
        if sealed is None:
            sealed = seal_shares(shares, recipient=recipient, request_id=request_id, trustee=TRUSTEE)
        bound: dict[str, Any] = {"request_id": request_id.hex(), "trustee": TRUSTEE, "sealed": sealed.hex()}
        listed = {"shares": [_share_json(share) for share in shares]}
        yield f"sealed/opens-{name}", base | bound | {"outcome": "opens"} | listed
        refused = base | bound | {"outcome": "refused"}
        yield f"sealed/refused-{name}-another-trustee", refused | {"trustee": TRUSTEE + 1}
        yield f"sealed/refused-{name}-another-request", refused | {"request_id": material("other request").hex()}
        yield f"sealed/refused-{name}-another-recipient", refused | {"seed": material("other seed").hex()}
        yield f"sealed/refused-{name}-cut-short", refused | {"sealed": sealed[:-1].hex()}
    yield from _sealed_to_another_kem(folder, both)


def _sealed_to_another_kem(folder: Path, shares: tuple[SeriesShare, ...]) -> Iterator[Case]:
    """The same list to a key of the second KEM, whose secret begins with the KEM's number."""
    request_id, name = material("request_id"), "sealed/opens-all-mlkem1024-p384"
    key = KemKey.from_seed(new_secret(Kem.MLKEM1024_P384, material("recipient seed")))
    sealed = _kept(folder / f"{name}.json", shares, key.seed, request_id)
    if sealed is None:
        sealed = seal_shares(shares, recipient=key.public, request_id=request_id, trustee=TRUSTEE)
    case: dict[str, Any] = {
        "seed": key.seed.hex(),
        "recipient": key.public.hex(),
        "recipient_hash": key_hash(key.public).hex(),
        "request_id": request_id.hex(),
        "trustee": TRUSTEE,
        "sealed": sealed.hex(),
    }
    yield name, case | {"outcome": "opens", "shares": [_share_json(share) for share in shares]}
    yield (
        "sealed/refused-all-mlkem1024-p384-first-kem",
        case | {"outcome": "refused", "seed": material("recipient seed").hex()},
    )


def _kept(path: Path, shares: tuple[SeriesShare, ...], seed: bytes, request_id: bytes) -> bytes | None:
    """The list that stands in the file, if it opens to these shares."""
    try:
        sealed = bytes.fromhex(json.loads(path.read_bytes())["sealed"])
        opened = open_shares(sealed, seed=seed, request_id=request_id, trustee=TRUSTEE)
    except (OSError, ValueError, KeyError, FiduciaError):
        return None
    return sealed if opened == shares else None


def _share_json(share: SeriesShare) -> dict[str, Any]:
    return {
        "series": share.series,
        "sealed_in": share.sealed_in,
        "index": share.index,
        "index_share": share.index_share.hex(),
        "pack_share": None if share.pack_share is None else share.pack_share.hex(),
    }
