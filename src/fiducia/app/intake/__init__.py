"""A custodian's doors for its PACS: what is pushed in waits in the spool, is closed after a quiet time, registered.

`stow` is DICOMweb's (STOW-RS), `dicom_door` DIMSE's (C-STORE, storage commitment), `watch` takes files from a folder;
`serve` runs them with the thread that closes studies. Nothing is decided here.
"""

from fiducia.app.intake.dimse_settings import DimseSettings as DimseSettings
from fiducia.app.intake.dimse_settings import Peer as Peer
from fiducia.app.intake.parts import IntakeParts as IntakeParts
from fiducia.app.intake.serve import Doors as Doors
from fiducia.app.intake.serve import serve as serve
from fiducia.app.intake.tls import Tls as Tls
