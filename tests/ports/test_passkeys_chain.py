"""Passkeys on a real chain: the verifier answers as Python does, and a chain without P-256 is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.evm import abi, p256
from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.evm.rpc import Answer, Call, Fault, as_bytes, hexed
from fiducia.adapters.system import SystemClock
from fiducia.core import passkeys
from fiducia.core.passkeys import ORDER
from fiducia.core.typed_data import VERIFIER, domains_of
from fiducia.errors import ConfigError, InputError, LedgerUnreachableError, SignatureError
from fiducia.records.ledger import Network
from tests.support.anvil import AnvilNode, running_anvil
from tests.support.passkeys import BACKED_UP, BACKUP_ELIGIBLE, PRESENT, RP_ID, VERIFIED, SoftPasskey, client_data_of
from tests.support.passkeys import with_high_s as high
from tests.support.signers import FOUNDERS, account

DIGEST = bytes(range(32))
PRECOMPILE = (0x100).to_bytes(20, "big")
YES = abi.artifact(VERIFIER).functions["verify"].selector


def cases(passkey: SoftPasskey) -> list[bytes]:
    """Good assertions, every named fault, and many small changes."""
    good = passkey.sign(DIGEST)
    one = passkeys.decode(good)
    flags = [PRESENT, VERIFIED, 0, 0xFF, *(PRESENT | VERIFIED | more for more in (BACKED_UP, BACKUP_ELIGIBLE, 0x18))]
    more = client_data_of(DIGEST)[:-1] + b',"more":"members"}'
    found = [
        good,
        high(good),
        passkey.make(DIGEST, rp_id="example.org"),
        passkey.make(DIGEST, kind="webauthn.create"),
        passkey.make(DIGEST, extensions=b"\xa0" * 33),
        passkeys.encode(replace(passkeys.decode(passkey.make(DIGEST, client_data=more)), type_index=1)),
        passkey.sign(bytes(32)),
        good + b"\0",
        good[:-1],
        good[:-32],
        b"",
        bytes(32) + good,
        *(passkey.make(DIGEST, flags=each) for each in flags),
        *(passkeys.encode(replace(one, r=r)) for r in (0, 1, ORDER, 2**256 - 1)),
        *(passkeys.encode(replace(one, s=s)) for s in (0, 1, ORDER // 2, ORDER // 2 + 1, ORDER)),
        *(passkeys.encode(replace(one, type_index=place)) for place in (0, 2, 100, 2**255, 2**256 - 1)),
        *(passkeys.encode(replace(one, challenge_index=place)) for place in (0, 22, 24, 200, 2**255, 2**256 - 1)),
    ]
    chance = random.Random(7)
    for _ in range(120):
        changed = bytearray(good)
        changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
        found.append(bytes(changed))
    return found


def test_the_contract_and_python_answer_the_same(anvil: AnvilNode, network: Network) -> None:
    domains = domains_of(network)
    passkey = SoftPasskey(4711, domains)
    signatures = cases(passkey)
    calls = [
        Call("eth_call", ({"to": hexed(domains.verifier), "data": hexed(data)}, "latest"))
        for data in (abi.call_data(VERIFIER, "verify", passkey.key, DIGEST, each) for each in signatures)
    ]
    said = [as_bytes(answer.result)[:4] == YES for answer in anvil.rpc.batch(calls)]
    expected = [accepts(passkey.key, each, domains.rp_id_hash) for each in signatures]
    assert said == expected
    assert sum(said) >= 4


def test_a_signature_over_nothing_is_made_without_a_key_and_opens_nothing(anvil: AnvilNode, network: Network) -> None:
    domains = domains_of(network)
    passkey = SoftPasskey(4711, domains)
    r = int.from_bytes(passkey.key[:32], "big") % ORDER
    s = min(r, ORDER - r)

    # The digest zero, the key itself as the signature's point: the precompile accepts it, so the verifier must not ask.
    over_nothing = bytes(32) + r.to_bytes(32, "big") + s.to_bytes(32, "big") + passkey.key
    said = anvil.do("eth_call", {"to": hexed(PRECOMPILE), "data": hexed(over_nothing)}, "latest")
    assert int(said, 16) == 1

    for malformed in (
        passkey.make(DIGEST, rp_id="example.org"),
        passkey.make(DIGEST, flags=PRESENT),
        passkey.sign(bytes(32)),
    ):
        forged = passkeys.encode(replace(passkeys.decode(malformed), r=r, s=s))
        data = abi.call_data(VERIFIER, "verify", passkey.key, DIGEST, forged)
        answer = anvil.do("eth_call", {"to": hexed(domains.verifier), "data": hexed(data)}, "latest")
        assert as_bytes(answer)[:4] == b"\xff" * 4


def accepts(key: bytes, signature: bytes, rp_id_hash: bytes) -> bool:
    try:
        passkeys.verify(key, DIGEST, signature, rp_id_hash)
    except SignatureError:
        return False
    return True


def test_a_chain_without_p256_is_refused(tmp_path: Path, network: Network) -> None:
    with running_anvil(tmp_path, extra=("--hardfork", "prague")) as node:
        with pytest.raises(ConfigError, match="P-256"):
            deploy([node.url], account("deployer"), FOUNDERS, rp_id=RP_ID)
        first = as_bytes(node.do("eth_getBlockByNumber", "0x0", False)["hash"])
        there = replace(network, rpc_urls=(node.url,), genesis_hash=first)
        with EvmLedger(there, clock=SystemClock(), relayer=account("relayer")) as ledger:
            for call in (ledger.check, ledger.head):
                with pytest.raises(ConfigError, match="P-256"):
                    call()


def test_the_settings_name_the_relying_party_of_the_verifier(network: Network) -> None:
    with (
        EvmLedger(replace(network, webauthn_rp_id="example.org"), clock=SystemClock()) as ledger,
        pytest.raises(ConfigError, match="relying party"),
    ):
        ledger.check()


def test_a_consortium_names_a_relying_party(anvil: AnvilNode) -> None:
    with pytest.raises(InputError, match="relying party"):
        deploy([anvil.url], account("deployer"), FOUNDERS, rp_id="")


def test_an_address_that_says_yes_to_everything_is_no_precompile() -> None:
    yes, nothing = Answer(hexed((1).to_bytes(32, "big")), None), Answer("0x", None)
    p256.require([yes, nothing])
    for answers in ([yes, yes], [nothing, nothing], [nothing, yes]):
        with pytest.raises(ConfigError, match="P-256"):
            p256.require(answers)
    with pytest.raises(LedgerUnreachableError):
        p256.require([Answer(None, Fault(-32005, "busy")), nothing])
