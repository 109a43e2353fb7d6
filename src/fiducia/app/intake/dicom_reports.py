"""Sending storage commitment reports: on the association that asked, or on one that is made for it.

Source: PS3.4 annex J.3.3 (N-EVENT-REPORT), PS3.7 annex D.3.3.4 (the door is SCP of an association that it requests).
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import build_role, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance  # type: ignore[attr-defined]

from fiducia.app.intake.association import Messages
from fiducia.app.intake.commitments import Pending, Sent
from fiducia.app.intake.dimse_settings import Address

_ALL_COMMITTED: Final = 1
_SOME_FAILED: Final = 2
_numbers = count(1)


class Reports:
    """Sends reports.

    Args:
        entity: the door's title and timeouts.
        addresses: where each peer takes reports, by AE title; who is missing gets them where it asked.
        tls: what connections are wrapped in.
    """

    def __init__(self, entity: ApplicationEntity, addresses: Mapping[str, Address], tls: ssl.SSLContext | None) -> None:
        self._entity = entity
        self._addresses = addresses
        self._tls = tls

    def send(self, pending: Pending) -> Sent:
        """Send a report; see `commitments.Send`."""
        asked_through = pending.association
        if isinstance(asked_through, Association) and asked_through.is_established:
            if _told(asked_through, pending):
                return Sent.TAKEN
            if asked_through.is_established:
                return Sent.NOT_NOW
        if pending.peer not in self._addresses:
            return Sent.NEVER
        return self._send_anew(pending, self._addresses[pending.peer])

    def _send_anew(self, pending: Pending, address: Address) -> Sent:
        entity = ApplicationEntity(self._entity.ae_title)
        entity.acse_timeout, entity.dimse_timeout = self._entity.acse_timeout, self._entity.dimse_timeout
        entity.network_timeout, entity.connection_timeout = self._entity.network_timeout, self._entity.acse_timeout
        entity.add_requested_context(StorageCommitmentPushModel)
        try:
            association = entity.associate(
                *address,
                ae_title=pending.peer,
                ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
                tls_args=(self._tls, address[0]) if self._tls else None,
                evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once)],
            )
        except (OSError, RuntimeError):  # a name that does not resolve, say
            return Sent.NOT_NOW
        if not association.is_established:
            return Sent.NOT_NOW
        association.dimse = Messages(association, lambda *_: None)  # before anything was said on it
        told = _told(association, pending)
        if association.is_established:
            association.release()
        return Sent.TAKEN if told else Sent.NOT_NOW


def _send_at_once(event: evt.Event) -> None:
    wrapped = event.assoc.dul.socket
    if wrapped is not None and wrapped.socket is not None:
        wrapped.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _told(association: Association, pending: Pending) -> bool:
    """Tell an association's peer; whether it answered, whatever the answer."""
    context = next(
        (each for each in association.accepted_contexts if each.abstract_syntax == StorageCommitmentPushModel), None
    )
    if context is None or context.context_id is None:
        return False
    failed = any(reason is not None for reason in pending.decided.values())
    syntax = context.transfer_syntax[0]
    request: Any = N_EVENT_REPORT()
    request.MessageID = next(_numbers) % 65_535 + 1
    request.AffectedSOPClassUID = StorageCommitmentPushModel
    request.AffectedSOPInstanceUID = StorageCommitmentPushModelInstance
    request.EventTypeID = _SOME_FAILED if failed else _ALL_COMMITTED
    request.EventInformation = io.BytesIO(
        encode(_information(pending), syntax.is_implicit_VR, syntax.is_little_endian) or b""
    )
    dimse = association.dimse
    return isinstance(dimse, Messages) and dimse.ask(request, context.context_id) is not None


def _information(pending: Pending) -> Dataset:
    """The event information of PS3.4 table J.3-2."""
    report = Dataset()
    report.TransactionUID = pending.asked.transaction_uid
    committed, failed = [], []
    for uid, sop_class in pending.asked.references.items():
        item, reason = Dataset(), pending.decided[uid]
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = uid
        if reason is None:
            committed.append(item)
        else:
            item.FailureReason = int(reason)
            failed.append(item)
    if committed:
        report.ReferencedSOPSequence = committed
    if failed:
        report.FailedSOPSequence = failed
    return report
