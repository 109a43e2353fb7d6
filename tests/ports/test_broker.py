"""One suite for a broker called in process and one over HTTP: the same answers, the same errors."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from fiducia.adapters.broker_http import HttpBroker
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.app.broker import create_app
from fiducia.app.broker.parts import BrokerParts
from fiducia.errors import DeniedError, LedgerUnreachableError, SignatureError
from fiducia.ports import Broker
from tests.support.consortium import HOSPITAL_A, Consortium, contents


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
            take_revoke=self.take_revoke,
            relay_taken=self.relay_taken,
            record_release=self.record_release,
            hand_over=self.hand_over,
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
