"""What the world must offer: small protocols with their duties, durability and errors.

Adapters implement them, journeys use them, `app.wiring` joins the two. Every port has an in-memory
version in `adapters.memory` that passes the same test suite as the real ones (tests/ports). Errors are
only those named; anything else out of an adapter is a defect.
"""

from fiducia.ports.copies import CopyMemory, CopySource, SecondPlace
from fiducia.ports.dicom import Destination, Examiner, InstanceSource, Intake, Pixels, Spool
from fiducia.ports.institutions import Broker, IdentityProvider, Signer
from fiducia.ports.keeping import Journal, Patients, Piece, Store, Studies, Vault
from fiducia.ports.ledger import Anchors, Ledger, Mirror, Receipts
from fiducia.ports.logs import Logbook, LogDoor
from fiducia.ports.running import Clock, Entropy, Progress, Steps

__all__ = [
    "Anchors",
    "Broker",
    "Clock",
    "CopyMemory",
    "CopySource",
    "Destination",
    "Entropy",
    "Examiner",
    "IdentityProvider",
    "InstanceSource",
    "Intake",
    "Journal",
    "Ledger",
    "LogDoor",
    "Logbook",
    "Mirror",
    "Patients",
    "Piece",
    "Pixels",
    "Progress",
    "Receipts",
    "SecondPlace",
    "Signer",
    "Spool",
    "Steps",
    "Store",
    "Studies",
    "Vault",
]
