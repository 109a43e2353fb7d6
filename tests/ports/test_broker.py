"""One suite for a broker called in process and one over HTTP: the same answers, the same errors."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvicorn

from fiducia.adapters.broker_http import HttpBroker
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.app.broker import create_app
from fiducia.app.broker.parts import BrokerParts
from fiducia.core.erasing import ALL_SHARES
from fiducia.core.keys.sealing import seal_deposit
from fiducia.core.provenance import claim_of, statement_of
from fiducia.core.rules import Action, Purpose, mask
from fiducia.core.signatures import verify
from fiducia.core.tlog.attestation import Destroyed, parse_destroyed
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.signing import require_attested
from fiducia.core.typed_data import Contract
from fiducia.errors import DeniedError, InputError, LedgerUnreachableError, NotThereError, SignatureError
from fiducia.journeys.audit.indexes import OpenKept
from fiducia.journeys.audit.prove_instances import places_of
from fiducia.journeys.grants.access_requests import AnswerAccess, AskForAccess
from fiducia.journeys.grants.drafting import GrantOrder
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.studies.erasure import RequestErasure
from fiducia.journeys.trustees.shares import share_of
from fiducia.ports import Broker
from fiducia.records.images import PatientIdentity
from fiducia.records.provenance import VouchAsk
from fiducia.records.statements import Deposit, Destroy, Keeping, SignedDeposit, SignedDestroy
from tests.support.colleagues import open_emergency, staffed, team_of
from tests.support.consortium import DAY_S, HOSPITAL_A, IDENTITY, Consortium, contents


class Served(Consortium):
    """A consortium whose broker is the one that a test asks for."""

    served: Broker | None = None

    @property
    def broker(self) -> Broker:
        return self.served or super().broker

    def parts(self) -> BrokerParts:
        return BrokerParts(
            institution=HOSPITAL_A,
            first_block=0,
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            journal=self.journal,
            clock=self.clock,
            taken=self.taken,
            relay_grant=self.relay_grant,
            carry_act=self.carry_act,
            take_revoke=self.take_revoke,
            relay_taken=self.relay_taken,
            record_release=self.record_release,
            hand_over=self.hand_over,
            trustee=self.trustee,
            asking=self.asking,
            catch_up=self.catch_up,
            log=self.log,
            proving=self.proving,
        )


@pytest.fixture(params=["in process", "http"])
def consortium(request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served()
    made.add_series(2)
    made.run_register()
    if request.param == "in process":
        yield made
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(create_app(made.parts()), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        broker = HttpBroker(f"http://127.0.0.1:{listener.getsockname()[1]}")
        made.served = broker
        yield made
        broker.close()
        server.should_exit = True
        thread.join()


def study_of(consortium: Served) -> bytes:
    return consortium.mirror.catch_up().studies()[0].study_id


def test_the_main_job(consortium: Served) -> None:
    given = consortium.run_grant(study_of(consortium))
    assert given.receipt.events
    destination = MemoryDestination()
    consortium.run_fetch(study_of(consortium), destination)
    assert sorted(destination.visible.values()) == contents(consortium.files)
    assert consortium.revoke.run(given.grant_id, consortium.patient) is True
    with pytest.raises(DeniedError) as refused:
        consortium.run_fetch(study_of(consortium), MemoryDestination())
    assert refused.value.reason == "GRANT_REVOKED"


def test_errors_come_back_as_what_they_were(consortium: Served) -> None:
    given = consortium.run_grant(study_of(consortium))
    with pytest.raises(SignatureError):
        consortium.revoke.run(given.grant_id, consortium.issuer)
    consortium.mirror.catch_up()
    consortium.ledger.faults.unreachable = True
    assert consortium.revoke.run(given.grant_id, consortium.patient) is False


def test_a_patient_is_looked_up_in_an_emergency_that_then_opens(consortium: Served) -> None:
    team = team_of(staffed(consortium))
    journey = open_emergency(consortium)
    with pytest.raises(DeniedError) as refused:
        journey.look_up(team, PatientIdentity("", "NOBODY"), HOSPITAL_A)
    assert refused.value.reason == "UNKNOWN_PATIENT"
    found = journey.look_up(team, IDENTITY, HOSPITAL_A)
    assert [each.study_id for each in found.studies] == [study_of(consortium)]
    journey.run(team, subject=found.subject, hours=1)
    consortium.run_fetch(study_of(consortium), MemoryDestination(), purpose=Purpose.ETREAT)


def test_an_ask_is_left_read_and_declined(consortium: Served) -> None:
    asking = team_of(staffed(consortium))[0]
    now = consortium.clock.now()
    on = {"broker": consortium.broker, "mirror": consortium.mirror, "clock": consortium.clock}
    person, views = asking.person, mask(Action.VIEW)
    order = GrantOrder(study_of(consortium), 0, person, mask(Purpose.TREAT), views, now + 2 * DAY_S)
    ask = AskForAccess(**on, entropy=consortium.entropy, domains=consortium.domains)  # type: ignore[arg-type]
    asked, struct = ask.run(order, asking, now + DAY_S)
    answer = AnswerAccess(**on, domains=consortium.domains)  # type: ignore[arg-type]
    (read,) = answer.run(struct.subject, consortium.patient)
    assert (read.ask_id, read.ask) == (asked, struct)
    answer.decline(asked, consortium.patient)
    assert answer.run(struct.subject, consortium.patient) == ()


def test_a_broker_signs_what_its_member_sees_and_whose_instances_these_are(consortium: Served) -> None:
    study = consortium.mirror.catch_up().study(study_of(consortium))
    assert study is not None
    block = study.revisions[0].block_number
    signed = consortium.broker.checkpoint(block)
    seen = consortium.view.run(block)
    assert signed.checkpoint == statement_of(seen, HOSPITAL_A, signed.checkpoint.signed_at)
    verify(consortium.domains.digest(signed.checkpoint), signed.signature, consortium.broker_sign.address)
    with pytest.raises(NotThereError, match="not final yet"):
        consortium.broker.checkpoint(block + 1000)

    opened = OpenKept(mirror=consortium.mirror, store=consortium.store, vault=consortium.vault)
    (series,) = opened.run(study.study_id, 0).series
    places = tuple(places_of(series.opener))
    ask = VouchAsk(study.study_id, 1, series.number, places)
    vouched = consortium.broker.vouch(ask)
    manifest = read_manifest(consortium.store, study.manifest)
    for place, signature in zip(places, vouched.signatures, strict=True):
        claim = claim_of(manifest, study.manifest, series.number, place, vouched.signed_at)
        verify(consortium.domains.digest(claim), signature, consortium.broker_sign.address)
    for wrong, says in (
        (replace(ask, instances=(replace(places[0], salt=bytes(32)),)), "not in series"),
        (replace(ask, instances=()), "1 to 32"),
        (replace(ask, instances=places * 20), "1 to 32"),
        (replace(ask, revision=2), "no such study"),
        (replace(ask, revision=0), "no such study"),
        (replace(ask, study_id=bytes(32)), "no such study"),
        (replace(ask, series=9), "no series 9"),
    ):
        with pytest.raises(InputError, match=says):
            consortium.broker.vouch(wrong)


def test_shares_are_deposited_and_acknowledged(consortium: Served) -> None:
    study = consortium.mirror.catch_up().studies()[0]
    manifest = read_manifest(consortium.store, study.manifest)
    custody = read_custody(consortium.store, manifest)
    shares = [share_of(consortium.vault, custody, 1, line.number, line.sealed_in) for line in manifest.series]
    names = consortium.vault.names("share/")
    consortium.vault.remove(names)
    on: dict[str, Any] = {"study_id": study.study_id, "custody": manifest.custody, "trustee": HOSPITAL_A}
    sealed = seal_deposit(shares, recipient=consortium.broker_kem.public, **on)
    deposit = Deposit(
        study.study_id, study.subject, HOSPITAL_A, HOSPITAL_A, manifest.custody, hashlib.sha256(sealed).digest()
    )
    signature = consortium.broker_sign.sign(consortium.domains.digest(deposit))
    answer = consortium.broker.deposit(SignedDeposit(deposit, sealed, signature))
    assert answer.keeping == Keeping(study.study_id, HOSPITAL_A, manifest.custody, deposit.sealed)
    verify(consortium.domains.digest(answer.keeping), answer.signature, consortium.broker_sign.address)
    assert consortium.vault.names("share/") == names
    forged = consortium.issuer.sign(consortium.domains.digest(deposit))
    with pytest.raises(SignatureError):
        consortium.broker.deposit(SignedDeposit(deposit, sealed, forged))
    with pytest.raises(InputError):
        consortium.broker.deposit(SignedDeposit(replace(deposit, trustee=2), sealed, signature))


def test_shares_are_destroyed_and_that_is_attested_in_a_note(consortium: Served) -> None:
    study_id = study_of(consortium)
    destroy = Destroy(study_id, HOSPITAL_A, HOSPITAL_A, ALL_SHARES)
    order = SignedDestroy(destroy, consortium.broker_sign.sign(consortium.domains.digest(destroy)))
    with pytest.raises(DeniedError):
        consortium.broker.destroy(order)
    RequestErasure(broker=consortium.broker, domains=consortium.domains).run(study_id, consortium.patient)
    note = consortium.broker.destroy(order)
    require_attested(note, origin_of(consortium.domains, HOSPITAL_A), consortium.log_key.public)
    studies = consortium.domains.of(Contract.STUDIES)
    assert parse_destroyed(note.text) == Destroyed(
        studies, study_id, HOSPITAL_A, ALL_SHARES, consortium.clock.now(), consortium.held_until
    )
    assert consortium.vault.names("share/") == ()


def test_a_trustee_learns_whether_something_waits_for_it(consortium: Served) -> None:
    consortium.vault.put({f"deal/{'11' * 32}/{'22' * 32}/2": b"sealed"})
    assert consortium.broker.keeps_for(2)
    assert not consortium.broker.keeps_for(22)
    assert not consortium.broker.keeps_for(HOSPITAL_A)


def test_a_broker_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        broker = HttpBroker(f"http://127.0.0.1:{taken.getsockname()[1]}", timeout_s=2.0)
        consortium = Served()
        consortium.add_series(1)
        consortium.run_register()
        consortium.served = broker
        with pytest.raises(LedgerUnreachableError, match="does not answer"):
            consortium.run_grant(study_of(consortium))
        broker.close()


def test_a_broker_that_is_closed_while_it_is_asked_leaves_no_connection() -> None:
    """One of several that were asked at once answers when nobody waits for it any more."""
    answer = b'{"waiting":true}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        broker = HttpBroker(f"http://127.0.0.1:{listener.getsockname()[1]}")
        said: list[bool] = []
        asking = threading.Thread(target=lambda: said.append(broker.keeps_for(2)))
        asking.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(1 << 16).startswith(b"GET /v1/deposits/waiting/2 ")
            broker.close()
            connection.sendall(head + answer)
            asking.join(timeout=20)
            assert said == [True]
            assert connection.recv(1) == b""
        with pytest.raises(LedgerUnreachableError, match="closed"):
            broker.keeps_for(2)
