"""A passkey made in a real Chromium enrols, gives, asks for itself and revokes, and the chain accepts it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.core import approvals, ids, passkeys
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import GrantAct, RecordAct
from fiducia.records.typed import Approval
from tests.support.anvil import running_anvil
from tests.support.chromium import Browser, running_chromium
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Signers, account, prepare


@dataclass
class BrowserPasskey:
    """A passkey that lives in the browser's authenticator; fits `ports.Signer`."""

    browser: Browser
    domains: Domains
    rp_id: str = RP_ID
    user_verification: str = "required"

    def __post_init__(self) -> None:
        self._id, spki = self.browser.create(self.rp_id, "patient")
        self.address = approvals.passkey_signer(self.domains, passkeys.key_of_spki(spki))

    def sign(self, digest: bytes) -> bytes:
        return passkeys.from_browser(*self.browser.sign(self.rp_id, self._id, digest, self.user_verification))


@dataclass
class Place:
    """A ledger on a real chain, and a browser with one authenticator, on the consortium's page."""

    ledger: EvmLedger
    browser: Browser
    authenticator: str
    now: int

    def signers(self, seed: str) -> Signers:
        """Everybody, with a fresh patient who has a passkey."""
        c = Signers(self.ledger.domains, self.now, seed)
        c.patient = BrowserPasskey(self.browser, self.ledger.domains)
        return c


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One chain and one browser for these tests."""
    directory: Path = tmp_path_factory.mktemp("passkeys")
    with running_chromium(directory) as browser, running_anvil(directory) as node:
        network = deploy([node.url], account("deployer"), FOUNDERS, rp_id=RP_ID)
        with EvmLedger(network, clock=SystemClock(), relayer=account("relayer")) as ledger:
            authenticator = browser.add_authenticator()
            yield Place(ledger, browser, authenticator, int(time.time()))


@pytest.fixture(autouse=True)
def on_the_page(place: Place) -> None:
    place.browser.visit("localhost")


def test_a_passkey_of_chromium_signs_a_grant_and_a_revoke_that_the_chain_accepts(place: Place) -> None:
    scene = prepare(place.ledger, place.signers("main"))  # enrols and gives
    access = scene.c.access(scene.study_id, scene.grant)
    place.ledger.submit(RecordAct(access))
    own = scene.c.own_access(scene.study_id)
    place.ledger.submit(RecordAct(own))
    assert place.ledger.are_open([access.request, own.request])[1] == (True, True)
    receipt = place.ledger.submit(scene.c.revoke(scene.grant))
    (event,) = receipt.events
    assert isinstance(event, events.GrantRevoked)
    assert event.by == ids.signer_hash(scene.c.patient.address)
    assert receipt.gas_used <= 70_000
    assert place.ledger.are_open([access.request, own.request])[1] == (False, True)
    place.ledger.submit(scene.c.revoke_all())
    assert place.ledger.are_open([own.request])[1] == (False,)
    approval = Approval(scene.c.patient.address, scene.c.sign(scene.c.patient, scene.grant))
    with pytest.raises(InputError, match="revoked"):
        place.ledger.submit(GrantAct(scene.grant, (approval,)))


def test_gas_of_a_real_passkey_stays_under_the_gates(place: Place) -> None:
    scene = prepare(place.ledger, place.signers("gas"))
    given = place.ledger.submit(scene.c.grant(scene.study_id))
    revoked = place.ledger.submit(scene.c.revoke(scene.grant))
    ended = place.ledger.submit(scene.c.revoke_all())
    enrolled = place.ledger.submit(place.signers("gas of enrolment").enrol())
    used = [receipt.gas_used for receipt in (given, revoked, ended, enrolled)]
    assert all(gas <= gate for gas, gate in zip(used, (105_000, 70_000, 65_000, 115_000), strict=True)), used


def test_another_patients_passkey_is_refused(place: Place) -> None:
    scene = prepare(place.ledger, place.signers("one"))
    other = place.signers("another")
    place.ledger.submit(other.enrol())
    with pytest.raises(SignatureError):
        place.ledger.submit(scene.c.revoke(scene.grant, by=other.patient))
    with pytest.raises(DeniedError) as caught:
        place.ledger.submit(RecordAct(scene.c.own_access(scene.study_id, by=other.patient)))
    assert caught.value.reason == "OWN_SIGNER"


def test_a_replay_and_a_sign_in_are_no_grant(place: Place) -> None:
    scene = prepare(place.ledger, place.signers("replay"))
    given = scene.c.grant(scene.study_id)
    wider = replace(given.grant, purposes=given.grant.purposes | 2)
    sign_in = Approval(scene.c.patient.address, scene.c.patient.sign(bytes(32)))
    for approvals_given in (given.approvals, (sign_in,)):
        with pytest.raises(SignatureError):
            place.ledger.submit(GrantAct(wider, approvals_given))


def test_a_user_who_was_not_verified_is_refused(place: Place) -> None:
    c = place.signers("unverified")
    scene = prepare(place.ledger, c)
    place.browser.call("WebAuthn.setUserVerified", authenticatorId=place.authenticator, isUserVerified=False)
    try:
        with pytest.raises(RuntimeError, match="NotAllowedError"):
            c.revoke(scene.grant)
        assert isinstance(c.patient, BrowserPasskey)
        c.patient.user_verification = "discouraged"
        with pytest.raises(SignatureError):
            place.ledger.submit(c.revoke(scene.grant))
    finally:
        place.browser.call("WebAuthn.setUserVerified", authenticatorId=place.authenticator, isUserVerified=True)
    c.patient.user_verification = "required"
    place.ledger.submit(c.revoke(scene.grant))


def test_a_passkey_of_another_relying_party_is_refused(place: Place) -> None:
    c = place.signers("elsewhere")
    place.browser.visit("other.localhost")
    c.patient = BrowserPasskey(place.browser, place.ledger.domains, rp_id="other.localhost")
    for act in c.published():
        place.ledger.submit(act)
    with pytest.raises(SignatureError):
        place.ledger.submit(c.enrol())
