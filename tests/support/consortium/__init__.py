"""A consortium in memory: two hospitals, a patient, a clinician, and every journey wired to in-memory ports.

Journeys are built anew by each property, as a process would be after a restart; what lasts (ledger, store,
vaults, directory, journal) stays.
"""

from tests.support.consortium.direct_broker import DirectBroker
from tests.support.consortium.parts import DAY_S, HOSPITAL_A, HOSPITAL_B, IDENTITY, key
from tests.support.consortium.people import Consortium, begin_to_append, contents, ct_series

__all__ = [
    "DAY_S",
    "HOSPITAL_A",
    "HOSPITAL_B",
    "IDENTITY",
    "Consortium",
    "DirectBroker",
    "begin_to_append",
    "contents",
    "ct_series",
    "key",
]
