"""How a DIMSE door is to be: who may call, what is taken, how long anybody is waited for.

Source: PS3.5 annex A (transfer syntaxes), PS3.8 section 9 (associations).
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field

from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, _config
from pynetdicom.ae import ApplicationEntity
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]

from fiducia.app.intake.data_set import INSTANCE_MAX_BYTES
from fiducia.app.intake.tls import Tls
from fiducia.core.dicom.codec import transfer_syntax
from fiducia.core.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fiducia.errors import ConfigError, DicomError

Address = tuple[str, int]
PDU_BYTES = 128 << 10
COMMIT_WAIT_S = 6 * 3600
UNINTRODUCED = 48
"""Connections that nobody has asked for an association on yet; each is closed after `acse_s`."""

# What pynetdicom does not list and this door takes: uncompressed frames in fragments, and JPEG's retired processes.
_UNLISTED = (
    "1.2.840.10008.1.2.1.98",
    *(f"1.2.840.10008.1.2.4.{tail}" for tail in (52, 53, 54, 55, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66)),
)

# pynetdicom tells AE titles, UIDs and addresses to its loggers, and prints errors where nobody listens to them.
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
logging.getLogger("pynetdicom").propagate = False


@dataclass(frozen=True, slots=True)
class Peer:
    """Who may call: an AE title, and where its storage commitment reports go when its association is gone."""

    ae_title: str
    reports_to: Address | None = None


@dataclass(frozen=True, slots=True)
class DimseSettings:
    """How the door is to be.

    Attributes:
        port: 0 takes a free one.
        peers: nobody else is let in; none listed is nobody.
        associations: how many at once.
        acse_s: how long a peer may take to shake hands and to ask for an association.
        dimse_s: how long it may take to answer a report.
        network_s: how long it may be silent, or take for one PDU.
        commit_wait_s: how long a storage commitment waits for instances that are not registered yet.
    """

    port: int
    host: str = "127.0.0.1"
    ae_title: str = "FIDUCIA"
    peers: tuple[Peer, ...] = field(default=(), repr=False)
    tls: Tls | None = None
    associations: int = 16
    acse_s: float = 10.0
    dimse_s: float = 30.0
    network_s: float = 60.0
    instance_max_bytes: int = INSTANCE_MAX_BYTES
    commit_wait_s: float = COMMIT_WAIT_S


def transfer_syntaxes() -> tuple[str, ...]:
    """Return what is taken, by preference: whoever offers several in one context is asked for the least change."""
    plain = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
    others = (*map(str, ALL_TRANSFER_SYNTAXES), *_UNLISTED)
    return tuple(uid for uid in dict.fromkeys((*plain, *others)) if _is_taken(uid))


def _is_taken(uid: str) -> bool:
    try:
        transfer_syntax(uid)
    except DicomError:
        return False
    return True


def entity_of(settings: DimseSettings) -> ApplicationEntity:
    """Return pynetdicom's account of the door. Raises: ConfigError (AE titles)."""
    for title in (settings.ae_title, *(peer.ae_title for peer in settings.peers)):
        if not is_ae_title(title):
            raise ConfigError("an AE title has 1 to 16 printable characters, no backslash, no space at its ends")
    entity = ApplicationEntity(settings.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = PDU_BYTES
    entity.maximum_associations = settings.associations + UNINTRODUCED  # the door counts those that are let in
    entity.acse_timeout, entity.dimse_timeout = settings.acse_s, settings.dimse_s
    entity.network_timeout = settings.network_s
    entity.require_called_aet = True
    # pynetdicom takes an empty list for everybody: nobody has this title.
    entity.require_calling_aet = [peer.ae_title for peer in settings.peers] or [secrets.token_hex(8)]
    plain = list(transfer_syntaxes()[:2])
    entity.add_supported_context(Verification, plain)
    entity.add_supported_context(StorageCommitmentPushModel, plain)
    for each in AllStoragePresentationContexts:
        entity.add_supported_context(str(each.abstract_syntax), list(transfer_syntaxes()))
    return entity


def is_ae_title(text: str) -> bool:
    """Tell whether a text is an application entity title (PS3.5 section 6.2, AE)."""
    return 1 <= len(text) <= 16 and text.isascii() and text.isprintable() and "\\" not in text and text == text.strip()
