"""A member's DICOMweb door for its viewers (QIDO-RS, WADO-RS): granted studies, as any archive would give them.

`views` knows who is signed in, `catalogue` what they may see; `search` (QIDO-RS), `retrieve`, `frames` and `rendered`
(WADO-RS) answer, through `handling`. `accept` reads what a client accepts, `media` settles what it gets, `multipart`
frames answers of several parts. Nothing is decided here: that is `journeys.reading.viewing`, and the ledger.
"""

from fiducia.app.gateway.parts import GatewayParts as GatewayParts
from fiducia.app.gateway.serve import serve as serve
