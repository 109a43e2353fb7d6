"""The five contracts in miniature, named and checked as contracts/src: what `MemoryLedger` runs on.

Each function checks an act against a replayed state and returns what it would announce (nothing when the
act has no effect), or raises the error that the chain adapter makes of the same refusal. Blocks, time and
faults are the ledger's. Source: contracts/src.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.adapters.memory.contracts.grants import grant, revoke
from fiducia.adapters.memory.contracts.members import admit, publish, raise_badge_epoch, withdraw_person
from fiducia.adapters.memory.contracts.releases import record
from fiducia.adapters.memory.contracts.studies import anchor, revise
from fiducia.adapters.memory.contracts.subjects import enrol, revoke_all
from fiducia.records import ledger as acts

_FUNCTIONS: dict[type, Callable[[Chain, Any], list[Draft]]] = {
    acts.AdmitAct: admit,
    acts.PublishAct: publish,
    acts.WithdrawPersonAct: withdraw_person,
    acts.RaiseBadgeEpochAct: raise_badge_epoch,
    acts.EnrolAct: enrol,
    acts.AnchorAct: anchor,
    acts.ReviseAct: revise,
    acts.GrantAct: grant,
    acts.RevokeAct: revoke,
    acts.RevokeAllAct: revoke_all,
    acts.RecordAct: record,
}


def call(chain: Chain, act: acts.Act) -> list[Draft]:
    """Return what an act announces.

    Raises:
        DeniedError, InputError, SignatureError: as `ports.Ledger.submit` says.
    """
    return _FUNCTIONS[type(act)](chain, act)
