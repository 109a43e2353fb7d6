"""Transactions that nobody of the product carries: a patient's own, and whole batches at once."""

from __future__ import annotations

import contextlib
import time

from eth_account.signers.local import LocalAccount

from fiducia.adapters.evm.lane import Lane, Outgoing
from fiducia.adapters.evm.rpc import Rpc, as_int, hexed

_INCLUDED_WITHIN_S = 30.0


class Sender:
    """Sends from any account and waits for the receipt."""

    def __init__(self, chain_url: str, chain_id: int) -> None:
        self._url = chain_url
        self._chain_id = chain_id

    def send(self, account: LocalAccount, outgoing: Outgoing) -> int:
        """Return the gas that a transaction took. Raises: RuntimeError (it failed, or was not included)."""
        with contextlib.closing(Rpc([self._url])) as rpc:
            sent = Lane(rpc, account, self._chain_id).send(outgoing)
            deadline = time.monotonic() + _INCLUDED_WITHIN_S
            while time.monotonic() < deadline:
                receipt = rpc.call("eth_getTransactionReceipt", hexed(sent.hash)).result
                if receipt is None:
                    time.sleep(0.01)
                elif as_int(receipt["status"]) == 1:
                    return as_int(receipt["gasUsed"])
                else:
                    raise RuntimeError("a transaction of the bench failed")
        raise RuntimeError("a transaction of the bench was not included")
