"""What only a real chain can do to the ledger: another network, other code, lost transactions, many processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.evm import acts
from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.endpoint import Endpoint
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.evm.rpc import quantity
from fiducia.adapters.system import SystemClock
from fiducia.errors import (
    ConfigError,
    DeniedError,
    InputError,
    LedgerNotFinalError,
    UnexpectedRevertError,
)
from fiducia.records import events
from fiducia.records.ledger import GrantState, KeyKind, Network, Receipt, RecordAct
from tests.support.anvil import ROOT, AnvilNode, running_anvil
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Scene, Signers, account, key, prepare

PATIENCE_S = 0.3


@pytest.fixture
def own_network(own_anvil: AnvilNode) -> Network:
    """Contracts on this test's own chain."""
    return deploy([own_anvil.url], account("deployer"), FOUNDERS, rp_id=RP_ID)


def opened(network: Network, **changes: Any) -> EvmLedger:
    """Open a ledger with short patience."""
    options: dict[str, Any] = {"clock": SystemClock(), "relayer": account("relayer"), "patience_s": PATIENCE_S}
    return EvmLedger(network, **{**options, **changes})


@pytest.fixture
def ledger(own_network: Network) -> Iterator[EvmLedger]:
    """A ledger on this test's own chain."""
    with opened(own_network) as ledger:
        yield ledger


@pytest.fixture
def scene(ledger: EvmLedger) -> Scene:
    """Ready for releases."""
    return prepare(ledger, Signers(ledger.domains, int(time.time())))


def told(ledger: EvmLedger, kind: type[events.LedgerEvent]) -> int:
    """Count the ledger's events of a kind."""
    return sum(isinstance(event, kind) for event in ledger.events(0, ledger.head().number))


# -- pins


def without_code(network: Network) -> Network:
    return replace(network, contracts=tuple((name, bytes([7]) * 20) for name, _ in network.contracts))


def swapped(network: Network) -> Network:
    (one, a), (two, b), *others = network.contracts
    return replace(network, contracts=((one, b), (two, a), *others))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda network: replace(network, chain_id=1), "wrong network"),
        (lambda network: replace(network, genesis_hash=bytes(32)), "wrong network"),
        (without_code, "not deployed"),
        (swapped, "other code"),
    ],
    ids=["chain id", "genesis", "no code", "other code"],
)
def test_another_network_is_refused_before_the_first_answer(network: Network, wrong: Any, says: str) -> None:
    c = Signers(opened(network).domains, int(time.time()))
    with opened(wrong(network)) as ledger:
        for call in (
            ledger.check,
            ledger.head,
            lambda: list(ledger.events(0, 1)),
            lambda: ledger.facts(c.own_access(bytes(32))),
            lambda: ledger.submit(c.admit("governor 3")),
        ):
            with pytest.raises(ConfigError, match=says):
                call()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda network: replace(network, contracts=network.contracts[:4]),
        lambda network: replace(network, code_hashes=()),
        lambda network: replace(network, finality="soon"),
        lambda network: replace(network, rpc_urls=()),
        lambda network: replace(network, rpc_urls=("ftp://127.0.0.1",)),
    ],
    ids=["a contract missing", "no code hashes", "finality", "no endpoint", "no http"],
)
def test_incomplete_pins_are_refused_at_once(network: Network, wrong: Any) -> None:
    with pytest.raises(ConfigError):
        opened(wrong(network))


def test_a_chain_that_was_replaced_while_we_ran_is_noticed(own_network: Network, tmp_path: Path) -> None:
    with running_anvil(tmp_path / "other") as other, opened(own_network) as ledger:
        ledger.check()
        # The endpoint dies and another chain answers behind it.
        rpc: Any = ledger._rpc
        rpc.close()
        rpc._endpoints = [Endpoint(url, 10.0) for url in ("http://127.0.0.1:9", other.url)]
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"wrong network|not deployed"):
                ledger.head()


def test_a_second_endpoint_answers_when_the_first_is_down(network: Network) -> None:
    with opened(replace(network, rpc_urls=("http://127.0.0.1:9", *network.rpc_urls))) as ledger:
        assert ledger.head().number > 0


def test_a_ledger_without_a_relayer_reads_only(network: Network) -> None:
    with opened(network, relayer=None) as ledger:
        assert ledger.head().number >= network.first_block
        with pytest.raises(ConfigError, match="relayer"):
            ledger.submit(Signers(ledger.domains, int(time.time())).admit("governor 3"))


def test_founders_are_what_they_should_be(anvil: AnvilNode) -> None:
    with pytest.raises(InputError):
        deploy([anvil.url], account("deployer"), (), rp_id=RP_ID)
    with pytest.raises(UnexpectedRevertError, match="not created"):
        deploy([anvil.url], account("deployer"), (FOUNDERS[0], FOUNDERS[0]), rp_id=RP_ID)


# -- not final


def stop_mining(node: AnvilNode) -> None:
    """Accept transactions and include none."""
    node.do("evm_setAutomine", False)
    node.do("evm_setIntervalMining", 0)


def test_sent_and_not_final_is_finished_by_the_same_act_later(own_anvil: AnvilNode, own_network: Network) -> None:
    with opened(own_network) as ledger:
        scene = prepare(ledger, Signers(ledger.domains, int(time.time())))
    access = RecordAct(scene.c.access(scene.study_id, scene.grant))
    stop_mining(own_anvil)
    with opened(own_network, timeout_s=0.8) as ledger:
        for act in (access, scene.c.revoke(scene.c.grant(scene.study_id).grant)):
            with pytest.raises(LedgerNotFinalError, match="finishes it later"):
                ledger.submit(act)
    own_anvil.do("anvil_mine", quantity(1))
    own_anvil.do("evm_setAutomine", True)
    with opened(own_network) as ledger:
        receipt = ledger.submit(access)
        assert [type(event) for event in receipt.events] == [events.ReleaseRecorded]
        assert told(ledger, events.ReleaseRecorded) == 1
        assert told(ledger, events.GrantRevoked) == 1


@pytest.mark.parametrize("lost_at", [0, 1], ids=["the next nonce", "behind another's lost one"])
def test_a_lost_transaction_is_sent_again(own_anvil: AnvilNode, ledger: EvmLedger, scene: Scene, lost_at: int) -> None:
    grants = [scene.c.grant(scene.study_id) for _ in range(lost_at + 1)]
    stop_mining(own_anvil)
    # Somebody else's transaction of this relayer, who is gone, stands before ours; then all are lost.
    for grant in grants[:lost_at]:
        with opened(ledger._chain.network, timeout_s=0.05) as gone, pytest.raises(LedgerNotFinalError):
            gone.submit(grant)
    outcome: list[Receipt] = []
    thread = threading.Thread(target=lambda: outcome.append(ledger.submit(grants[-1])))
    thread.start()
    wait_for(lambda: len(pool(own_anvil)) == lost_at + 1)
    for transaction in pool(own_anvil)[: lost_at or 1]:
        own_anvil.do("anvil_dropTransaction", transaction)
    own_anvil.do("evm_setIntervalMining", 1)
    thread.join(timeout=30)
    assert [type(event) for event in outcome[0].events] == [events.GrantGiven]
    assert told(ledger, events.GrantGiven) == 2


def pool(node: AnvilNode) -> list[str]:
    """Return the hashes of what waits, by nonce."""
    content = node.do("txpool_content")
    found = {
        int(nonce): transaction["hash"]
        for part in ("pending", "queued")
        for by_nonce in content[part].values()
        for nonce, transaction in by_nonce.items()
    }
    return [found[nonce] for nonce in sorted(found)]


def wait_for(condition: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_dead_chain_after_sending_is_not_final(own_anvil: AnvilNode, own_network: Network) -> None:
    with opened(own_network, timeout_s=2) as ledger:
        scene = prepare(ledger, Signers(ledger.domains, int(time.time())))
        stop_mining(own_anvil)
        caught: list[Exception] = []

        def submit() -> None:
            try:
                ledger.submit(scene.c.grant(scene.study_id))
            except Exception as error:
                caught.append(error)

        thread = threading.Thread(target=submit)
        thread.start()
        wait_for(lambda: pool(own_anvil))
        own_anvil.child.stop()
        thread.join(timeout=30)
        assert [type(error) for error in caught] == [LedgerNotFinalError]


def test_final_means_finalized_where_the_chain_has_that_tag(tmp_path: Path) -> None:
    with running_anvil(tmp_path, extra=("--slots-in-an-epoch", "1")) as node:
        network = deploy([node.url], account("deployer"), FOUNDERS, finality="tag", rp_id=RP_ID)
        node.do("anvil_mine", quantity(3))
        with opened(network) as ledger:
            number = ledger.submit(Signers(ledger.domains, int(time.time())).admit("governor 3")).head.number
            assert ledger.head().number >= number
            assert node.rpc.call("eth_getBlockByNumber", "latest", False).result["number"] != quantity(number)


# -- many at once


WORKER = """
import sys, time
from pathlib import Path
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.records.ledger import Network
from tests.support.signers import Signers, account
network = eval(sys.argv[1])
c = Signers(EvmLedger(network, clock=SystemClock()).domains, int(time.time()), seed=sys.argv[3])
with EvmLedger(network, clock=SystemClock(), relayer=account("relayer"), lock_path=Path(sys.argv[2])) as ledger:
    c.subject = bytes.fromhex(sys.argv[4])
    for _ in range(8):
        assert ledger.submit(c.anchor()).events
"""


def test_processes_share_a_relayer(network: Network, tmp_path: Path) -> None:
    with opened(network) as ledger:
        scene = prepare(ledger, Signers(ledger.domains, int(time.time())))
        lock = str(tmp_path / "relayer.lock")
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, repr(network), lock, f"worker {i}", scene.c.subject.hex()], cwd=ROOT
            )
            for i in range(3)
        ]
        assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
        found = list(ledger.events(network.first_block, ledger.head().number))
        assert sum(isinstance(event, events.StudyAnchored) for event in found) == 3 * 8 + 1


def test_a_bad_item_in_a_batch_is_denied_and_harms_no_other(ledger: EvmLedger, scene: Scene) -> None:
    good = [scene.c.access(scene.study_id, scene.grant) for _ in range(3)]
    bad = scene.c.access(scene.study_id, scene.grant, revision=9)
    forged = replace(scene.c.access(scene.study_id, scene.grant), signature=bytes(65))
    outcomes = ledger._recorder._record_group([good[0], bad, good[1], forged, good[2]])
    receipts = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
    assert len({receipt.transaction_hash for receipt in receipts}) == 1
    assert [type(event) for receipt in receipts for event in receipt.events] == [events.ReleaseRecorded] * 3
    denied = [outcome.reason for outcome in outcomes if isinstance(outcome, DeniedError)]
    assert denied == ["REVISION_UNKNOWN", "REQUEST_SIGNATURE"]
    assert told(ledger, events.ReleaseDenied) == 1


def test_a_batch_that_fails_as_a_whole_is_done_one_by_one(
    ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fiducia.adapters.evm.recording.GAS_PER_ITEM", 20_000)
    monkeypatch.setattr("fiducia.adapters.evm.recording.GAS_ALONE", 60_000)
    group = [scene.c.access(scene.study_id, scene.grant) for _ in range(3)]
    outcomes = ledger._recorder._record_group(group)
    assert [type(outcome) for outcome in outcomes] == [Receipt] * 3
    assert told(ledger, events.ReleaseRecorded) == 3


def test_a_badge_that_begins_with_the_next_block_is_waited_for(
    own_anvil: AnvilNode, ledger: EvmLedger, scene: Scene
) -> None:
    own_anvil.do("evm_setIntervalMining", 0)  # the newest block keeps its time
    own_anvil.do("evm_setAutomine", True)
    head = ledger.head()
    wait_for(lambda: time.time() > head.time_at + 1)
    badge = scene.c.badge(not_before=head.time_at + 1)
    access = replace(scene.c.access(scene.study_id, scene.grant), badge=badge)
    with pytest.raises(DeniedError, match="BADGE_WINDOW"):
        later = replace(access, badge=scene.c.badge(not_before=head.time_at + 600))
        ledger.submit(RecordAct(later))
    mining = threading.Timer(0.3, lambda: own_anvil.do("anvil_mine", "0x1"))
    mining.start()
    assert ledger.submit(RecordAct(access)).events
    mining.join()


def test_an_act_that_the_state_overtook_fails_with_its_reason(
    own_anvil: AnvilNode, ledger: EvmLedger, scene: Scene
) -> None:
    """Simulated well, sent, and refused in its block: the reason is told as if it had been refused before."""
    act = scene.c.grant(scene.study_id)
    relay: Any = ledger._relay
    simulate = relay.simulate
    revoked: list[bool] = []

    def simulate_then_revoke(contract: str, data: bytes) -> Any:
        outgoing = simulate(contract, data)
        if not revoked:
            revoked.append(True)
            with opened(ledger._chain.network, relayer=account("another relayer")) as other:
                other.submit(scene.c.revoke(act.grant))
        return outgoing

    relay.simulate = simulate_then_revoke
    with pytest.raises(InputError, match="never lives again"):
        ledger.submit(act)


# -- nodes that answer differently


def test_custom_errors_that_a_node_keeps_to_itself_are_learnt_all_the_same(
    ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_errors(ledger, monkeypatch)
    with pytest.raises(InputError, match="not the next one"):
        ledger.submit(scene.c.revise(scene.study_id, 7))
    with pytest.raises(DeniedError, match="REVISION_UNKNOWN"):
        ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant, revision=7)))
    with pytest.raises(DeniedError, match="OWN_SIGNER"):
        ledger.submit(RecordAct(scene.c.own_access(scene.study_id, by=key("somebody"))))


def test_a_node_that_knows_nothing_for_a_moment_costs_nothing_that_was_sent(
    ledger: EvmLedger, own_anvil: AnvilNode, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that was restarted answers everything with errors at first; what was sent is waited for all the same."""
    own_anvil.do("evm_setAutomine", False)
    own_anvil.do("evm_setIntervalMining", 0)
    call, sender = ledger._rpc.call, threading.current_thread()
    sent = threading.Event()
    failed: list[str] = []

    def forgetful(method: str, *params: Any) -> Any:
        asks = threading.current_thread() is sender and sent.is_set()  # not the thread that looks for receipts
        if asks and method in ("eth_blockNumber", "eth_getTransactionCount") and len(failed) < 2:
            failed.append(method)
            return call("eth_noSuchMethod")
        if method == "eth_sendRawTransaction":
            sent.set()
        return call(method, *params)

    monkeypatch.setattr(ledger._rpc, "call", forgetful)
    mining = threading.Timer(4 * PATIENCE_S, lambda: own_anvil.do("evm_setIntervalMining", 1))
    mining.start()
    assert ledger.submit(scene.c.revise(scene.study_id, 2)).events
    mining.join()
    assert len(failed) == 2


def hide_errors(ledger: EvmLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let estimates say "execution reverted" and no more."""
    rpc = ledger._rpc
    call = rpc.call

    def without_data(method: str, *params: Any) -> Any:
        answer = call(method, *params)
        if method == "eth_estimateGas" and answer.fault is not None:
            return replace(answer, fault=replace(answer.fault, message="execution reverted", data=b""))
        return answer

    monkeypatch.setattr(rpc, "call", without_data)


def test_a_foreign_revert_is_unexpected(ledger: EvmLedger) -> None:
    relay: Any = ledger._relay
    with pytest.raises(UnexpectedRevertError, match="without a reason"):
        relay.simulate("Grants", b"\xde\xad\xbe\xef")


def test_windows_are_walked_and_shrunk(ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    last = ledger.head().number
    whole = list(ledger.events(0, last))
    call, asked = ledger._rpc.call, []

    def stingy(method: str, *params: Any) -> Any:
        if method != "eth_getLogs":
            return call(method, *params)
        first, end = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        asked.append(end - first + 1)
        if end - first + 1 > 3:
            return call("eth_noSuchMethod")
        return call(method, *params)

    monkeypatch.setattr(ledger._rpc, "call", stingy)
    assert list(ledger.events(0, last)) == whole
    assert max(asked) <= 10_000
    monkeypatch.setattr("fiducia.adapters.evm.history.WINDOW_BLOCKS", 2)
    assert list(ledger.events(0, last)) == whole


def test_times_are_asked_for_where_logs_have_none(
    ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = ledger.head().number
    whole = list(ledger.events(0, last))
    call = ledger._rpc.call

    def timeless(method: str, *params: Any) -> Any:
        answer = call(method, *params)
        if method == "eth_getLogs":
            for log in answer.result:
                log.pop("blockTimestamp", None)
        return answer

    monkeypatch.setattr(ledger._rpc, "call", timeless)
    assert list(ledger.events(0, last)) == whole


def test_many_questions_are_asked_in_pieces(ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fiducia.adapters.evm.chain._CALLS_PER_BATCH", 3)
    accesses = [scene.c.access(scene.study_id, scene.grant) for _ in range(8)]
    for access in accesses[::2]:
        ledger.submit(RecordAct(access))
    assert ledger.are_open([access.request for access in accesses])[1] == (True, False) * 4
    assert ledger.are_open([])[1] == ()


def test_done_is_asked_at_a_final_block(ledger: EvmLedger, scene: Scene) -> None:
    plan = acts.plan_of(ledger._chain, scene.c.revoke(scene.grant))
    assert not plan.done(ledger._chain)
    ledger.submit(scene.c.revoke(scene.grant))
    assert plan.done(ledger._chain)
    assert ledger.facts(scene.c.access(scene.study_id, scene.grant)).grant_state is GrantState.REVOKED


def test_an_endpoint_that_is_no_utf8_keeps_nobody_from_reading(own_anvil: AnvilNode, ledger: EvmLedger) -> None:
    """An endpoint is a hint of whoever carries the signature, so it may be anything."""
    act = Signers(ledger.domains, int(time.time())).publish(1, KeyKind.LOG, b"a log's key", endpoint="endpoint")
    plan = acts.plan_of(ledger._chain, act)
    assert plan.data.count(b"endpoint") == 1
    hostile = plan.data.replace(b"endpoint", b"\xff\xfe\x80  \xc3\x28 ")
    relay: Any = ledger._relay
    relay.carry(relay.simulate("Members", hostile))
    (event,) = [e for e in ledger.events(0, ledger.head().number) if isinstance(e, events.KeyPublished)]
    assert event.key == b"a log's key"
    assert "\ufffd" in event.endpoint
