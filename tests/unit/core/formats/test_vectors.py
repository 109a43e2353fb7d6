"""The format vectors: each file has one outcome, and the generator still writes exactly these files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fiducia.core.formats.canonical import parse_hex
from fiducia.core.formats.cid import CidBuilder, cid_of
from fiducia.core.formats.container import Opener
from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.core.formats.digests import IdentityHasher, Leaf, commitment, header_digest
from fiducia.core.formats.manifest import manifest_digest, parse_manifest
from fiducia.core.formats.merkle import inclusion_proof, merkle_root, verify_inclusion
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.padme import padme
from fiducia.core.formats.trust import parse_trust
from fiducia.core.keys.custody import custody_digest, parse_custody, share_digest
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.sealing import key_hash, open_shares
from fiducia.core.keys.shares import combine, deal
from fiducia.core.provenance import ProvenanceVerifier
from fiducia.core.tlog.attestation import parse_attestation, parse_attested
from fiducia.core.tlog.proof import check_proof, parse_proofs
from fiducia.core.tlog.signing import LogKey, keys_in, require_attested, vkeys
from fiducia.core.typed_data import Domain
from fiducia.errors import DecryptionError, EncodingError, ProofError, SignatureError
from tests.vectors.generate import FOLDER, differences, expected_files
from tests.vectors.material import material
from tests.vectors.object_cases import seal


def cases(kind: str) -> pytest.MarkDecorator:
    paths = sorted((FOLDER / kind).glob("*.json"))
    return pytest.mark.parametrize(
        "case", [json.loads(path.read_bytes()) for path in paths], ids=[path.stem for path in paths]
    )


def made(value: dict[str, Any]) -> bytes:
    return material(value["label"], value["size"])


def test_the_generator_writes_these_very_files() -> None:
    assert differences(expected_files()) == []


@cases("context")
def test_context(case: dict[str, Any]) -> None:
    place = SeriesPlace(bytes.fromhex(case["study_id"]), case["sealed_in"], case["series"])
    if "info" in case:
        assert place.padding_info().hex() == case["info"]
    elif "instance" in case:
        assert place.instance_context(case["instance"]).hex() == case["context"]
    else:
        assert place.index_context().hex() == case["context"]


def changed(sealed: bytes, change: dict[str, Any]) -> bytes:
    if "flip_at" in change:
        at = change["flip_at"]
        return sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
    if "swap_chunks" in change:
        chunk = [sealed[56 + i * 16400 : 56 + (i + 1) * 16400] for i in range(len(sealed) // 16400 + 1)]
        one, other = change["swap_chunks"]
        chunk[one], chunk[other] = chunk[other], chunk[one]
        return sealed[:56] + b"".join(chunk)
    return sealed[: change.get("cut_to", len(sealed))] + bytes.fromhex(change.get("append", ""))


@cases("container")
def test_container(case: dict[str, Any]) -> None:
    key, context, salt = (bytes.fromhex(case[name]) for name in ("key", "context", "salt"))
    plaintext = made(case["plaintext"])
    sealed = seal(key, context, salt, plaintext)
    change = case.get("change", {})
    key = bytes.fromhex(change.get("open_with_key", case["key"]))
    context = bytes.fromhex(change.get("open_with_context", case["context"]))
    altered = changed(sealed, change)

    def opened() -> bytes:
        opener = Opener(key, context, len(altered), lambda at, count: altered[at : at + count])
        return opener.read(0, opener.length)

    if case["outcome"] == "opens":
        assert hashlib.sha256(sealed).hexdigest() == case["sealed_sha256"]
        assert opened() == plaintext
        return
    with pytest.raises(DecryptionError):
        opened()


@cases("padme")
def test_padme(case: dict[str, Any]) -> None:
    assert [[length, padme(length)] for length, _ in case["pairs"]] == case["pairs"]


@cases("digests")
def test_digests(case: dict[str, Any]) -> None:
    hasher = IdentityHasher(case["transfer_syntax_uid"])
    hasher.update(made(case["data_set"]))
    header = header_digest(bytes.fromhex(case["header"]))
    committed = commitment(bytes.fromhex(case["salt"]), hasher.digest(), header)
    leaf = Leaf(case["number"], case["offset"], case["length"], committed)
    found = [hasher.digest(), header, committed, leaf.to_bytes()]
    expected = [case[name] for name in ("identity_digest", "header_digest", "commitment", "leaf")]
    assert [value.hex() for value in found] == expected


@cases("merkle")
def test_merkle(case: dict[str, Any]) -> None:
    leaves = [made(leaf) for leaf in case["leaves"]]
    position, root = case["position"], bytes.fromhex(case["root"])
    path = [bytes.fromhex(node) for node in case["inclusion_proof"]]
    assert (merkle_root(leaves), inclusion_proof(leaves, position)) == (root, path)
    verify_inclusion(leaves[position], position, len(leaves), path, root)


@cases("cid")
def test_cid(case: dict[str, Any]) -> None:
    block, builder = made(case["repeat"]), CidBuilder()
    for at in range(0, case["size"], len(block)):
        builder.update(block[: min(len(block), case["size"] - at)])
    assert builder.finish() == case["cid"]


def written_again(kind: str, data: bytes) -> bytes:
    if kind == "manifest":
        return parse_manifest(data, manifest_digest(data)).to_bytes()
    return parse_custody(data, custody_digest(data)).to_bytes()


@pytest.mark.parametrize("kind", ["manifest", "custody"])
def test_documents(kind: str) -> None:
    outcomes = set()
    for path in sorted((FOLDER / kind).glob("*.json")):
        case = json.loads(path.read_bytes())
        data = case["document"].encode()
        outcomes.add(case["outcome"])
        if case["outcome"] == "accepted":
            assert written_again(kind, data) == data
            assert hashlib.sha256(data).hexdigest() == case["sha256"]
            continue
        with pytest.raises(EncodingError):
            pytest.fail(f"{path.name} was accepted: {written_again(kind, data)!r}")
    assert outcomes == {"accepted", "refused"}


@cases("shares")
def test_shares(case: dict[str, Any]) -> None:
    if "digest" in case:
        place = SeriesPlace(bytes.fromhex(case["study_id"]), case["sealed_in"], case["series"])
        assert share_digest(place, b"pack/", case["index"], bytes.fromhex(case["share"])).hex() == case["digest"]
        return
    secret, threshold = bytes.fromhex(case["secret"]), case["threshold"]
    shares = [bytes.fromhex(share) for share in case["shares"]]
    randomness = bytes.fromhex(case["randomness"])
    assert deal(secret, threshold=threshold, holders=len(shares), randomness=randomness) == tuple(shares)
    assert combine(dict(list(enumerate(shares, 1))[-threshold:])) == secret


@cases("sealed")
def test_sealed(case: dict[str, Any]) -> None:
    seed, request_id, sealed = (bytes.fromhex(case[name]) for name in ("seed", "request_id", "sealed"))
    if case["outcome"] == "refused":
        with pytest.raises(DecryptionError):
            open_shares(sealed, seed=seed, request_id=request_id, trustee=case["trustee"])
        return
    assert KemKey.from_seed(seed).public.hex() == case["recipient"]
    assert key_hash(bytes.fromhex(case["recipient"])).hex() == case["recipient_hash"]
    shares = open_shares(sealed, seed=seed, request_id=request_id, trustee=case["trustee"])
    assert [share.index_share.hex() for share in shares] == [share["index_share"] for share in case["shares"]]
    assert [share.pack_share.hex() if share.pack_share else None for share in shares] == [
        share["pack_share"] for share in case["shares"]
    ]
    assert [(share.series, share.sealed_in, share.index) for share in shares] == [
        (share["series"], share["sealed_in"], share["index"]) for share in case["shares"]
    ]


def test_study() -> None:
    folder: Path = FOLDER / "study"
    expected = json.loads((folder / "expected.json").read_bytes())
    data = (folder / "manifest.json").read_bytes()
    manifest = parse_manifest(data, parse_hex(expected["digest"], 32, what="digest"))
    for path in (folder / "objects").iterdir():
        assert cid_of(path.read_bytes()) == path.name

    def read(cid: str, offset: int, length: int) -> bytes:
        return (folder / "objects" / cid).read_bytes()[offset : offset + length]

    found = []
    for key in json.loads((folder / "keys.json").read_bytes())["series"]:
        line = manifest.line(key["number"])
        keys = SeriesKeys(*(parse_hex(key[name], 32, what=name) for name in ("index_key", "pack_key")))
        opener = SeriesOpener(
            manifest.place(line),
            line,
            keys,
            lambda cid, at, size: (folder / "objects" / cid).read_bytes()[at : at + size],
        )
        for entry in opener.entries:
            file = bytearray()
            opener.copy_instance(entry.number, file.extend)
            digest = hashlib.sha256(file).hexdigest()
            found.append({"series": line.number, "number": entry.number, "size": len(file), "sha256": digest})
    assert found == expected["instances"]


@cases("provenance")
def test_provenance(case: dict[str, Any]) -> None:
    verifier = ProvenanceVerifier(parse_trust(case["trust"].encode()))
    if case["outcome"] == "accepted":
        assert verifier.verify(case["file"].encode()).members
        return
    with pytest.raises(ProofError, match=f"^{case['part']}: "):
        verifier.verify(case["file"].encode())


def test_every_kind_of_vector_has_a_test_here() -> None:
    kinds = {path.name for path in FOLDER.iterdir()}
    tested = {
        "context",
        "container",
        "padme",
        "digests",
        "merkle",
        "cid",
        "manifest",
        "custody",
        "shares",
        "sealed",
        "study",
        "log",
        "attestation",
        "provenance",
    }
    assert kinds == tested


def test_a_leaf_is_made_of_its_entry_and_salt() -> None:
    paths = sorted((FOLDER / "log").glob("leaf-*.json"))
    assert paths
    for path in paths:
        case = json.loads(path.read_bytes())
        subject_id = "0x" + case["subject_id"]
        fields = {"at": case["at"], "body": case["body"], "kind": case["kind"], "subject_id": subject_id}
        text = json.dumps(fields, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        leaf = hashlib.sha256(b"fiducia/v1/journal/" + bytes.fromhex(case["salt"]) + text).hexdigest()
        assert leaf == case["leaf"], path.stem


def test_a_proof_of_an_entry_is_checked_with_verifier_keys_alone() -> None:
    case = json.loads((FOLDER / "log" / "proof.json").read_bytes())
    (proof,) = parse_proofs(case["file"].encode())
    assert bytes(proof) == case["file"].encode()
    proved = check_proof(proof, keys_in("\n".join(case["vkeys"])))
    assert (proved.index, list(proved.witnesses)) == (case["index"], case["witnesses"])
    assert proved.entry.kind == "denied"


def test_a_log_key_comes_from_its_seed() -> None:
    case = json.loads((FOLDER / "log" / "key.json").read_bytes())
    public = LogKey(bytes.fromhex(case["seed"])).public
    assert public.hex() == case["public"]
    assert list(vkeys(case["origin"], public)) == case["vkeys"]
    assert case["origin"] == f"fiducia/v1/{case['chain_id']}/{case['members']}/{case['institution']}"
    assert hashlib.sha256(case["origin"].encode()).hexdigest() == case["origin_hash"]


@cases("attestation")
def test_attestation(case: dict[str, Any]) -> None:
    ((name, public),) = keys_in("\n".join(case["vkeys"]))
    assert name == case["name"]

    def check() -> None:
        note = parse_attested(case["note"].encode())
        require_attested(note, name, public)
        if parse_attestation(note.text).domain != Domain(case["chain_id"], bytes.fromhex(case["studies"])):
            raise SignatureError("of another ledger")

    if case["outcome"] == "accepted":
        return check()
    with pytest.raises((EncodingError, SignatureError)):
        check()
