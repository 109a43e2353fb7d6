"""A hospital's list of patients, as its systems export it: CSV, a patient in each line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from fiducia.errors import InputError
from fiducia.records.images import PatientIdentity

LIST_MAX_BYTES = 64 << 20
_ID_MAX_CHARS = 256
_ID, _ISSUER = "patient_id", "issuer"


def identity(issuer: str, patient_id: str) -> PatientIdentity:
    """Return who a patient is at a custodian.

    Args:
        issuer: who gave the ID; empty for the custodian itself.
        patient_id: as in the custodian's images.

    Raises:
        InputError: the ID is empty, or one of both is too long.
    """
    if not 0 < len(patient_id) <= _ID_MAX_CHARS or len(issuer) > _ID_MAX_CHARS:
        raise InputError(f"a patient ID has 1 to {_ID_MAX_CHARS} characters, its issuer at most as many")
    return PatientIdentity(issuer, patient_id)


def parse(data: bytes) -> tuple[PatientIdentity, ...]:
    """Return the patients of a list, each once, in its order.

    Args:
        data: CSV (RFC 4180) in UTF-8, with a heading: `patient_id`, and `issuer` where it is not the custodian
            itself. Spaces around a value mean nothing, as in DICOM (PS3.5, LO); a patient may stand there twice.

    Raises:
        InputError: it is no such list; a line is named by its number, never by what it holds.
    """
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        if sorted(rows.fieldnames or ()) not in ([_ID], [_ISSUER, _ID]):
            raise InputError(f"a list of patients has the heading {_ID}, or {_ID},{_ISSUER}")
        return tuple(dict.fromkeys(_identities(rows)))
    except UnicodeDecodeError:
        raise InputError("a list of patients is text in UTF-8") from None
    except csv.Error:
        raise InputError(
            "the list of patients is no CSV: a quotation mark without its other, or a line too long"
        ) from None


def _identities(rows: csv.DictReader[str]) -> Iterator[PatientIdentity]:
    for row in rows:
        if None in row or None in row.values():
            raise InputError(f"line {rows.line_num} of the list has more values than its heading, or fewer")
        try:
            yield identity(row.get(_ISSUER, "").strip(), row[_ID].strip())
        except InputError as error:
            raise InputError(f"line {rows.line_num} of the list: {error}") from None
