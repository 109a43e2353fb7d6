"""Storage commitment: may whoever sent an instance delete it, because it is registered here?

    1. look into the spool        what is set aside is not committed, whatever else is known; what waits, waits
    2. look into the directory     anchored, or nothing that is known here

The spool is looked into first: an instance leaves it only once its study is anchored, so one that is found in
neither was in neither. An instance that waits under a UID that is anchored already may be another one under the same
name; nothing is said before it is decided. Source: PS3.4 annex J.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

from fiducia.ports import Spool, Studies


class Standing(Enum):
    """What is known here of an instance."""

    ANCHORED = "anchored"  # a revision of its study that holds it is on the ledger
    WAITING = "waiting"
    SET_ASIDE = "set aside"  # in quarantine: staff may still delete it
    UNKNOWN = "unknown"


class TellStanding:
    """Tell how instances stand, by SOP Instance UID.

    Example:
        ``TellStanding(spool=spool, studies=studies).run({"1.2.3"})``
    """

    def __init__(self, *, spool: Spool, studies: Studies) -> None:
        self._spool = spool
        self._studies = studies

    def run(self, sop_instance_uids: Collection[str]) -> Mapping[str, Standing]:
        """Return how each stands.

        Takes time with the number of instances that wait, and, unless all of these wait, with that of all that are
        anchored.

        Raises:
            VaultError: the spool or the directory cannot be read.
        """
        found: dict[str, Standing] = {}
        for each in self._spool.all():
            uid = each.examined.info.sop_instance_uid
            if not each.waiting:
                found[uid] = Standing.SET_ASIDE
            else:
                found.setdefault(uid, Standing.WAITING)
        standings = {uid: found[uid] for uid in sop_instance_uids if uid in found}
        missing = set(sop_instance_uids) - standings.keys()
        anchored = self._anchored(missing) if missing else missing
        return standings | {uid: Standing.ANCHORED if uid in anchored else Standing.UNKNOWN for uid in missing}

    def _anchored(self, uids: set[str]) -> set[str]:
        instances = (i for study in self._studies.all() for series in study.series for i in series.instances)
        return {each.sop_instance_uid for each in instances if each.sop_instance_uid in uids}
