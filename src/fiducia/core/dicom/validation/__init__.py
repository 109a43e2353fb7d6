"""Judges an instance that could be read: is it to be taken, or set aside for a person to look at?

`defects_of` is pure and total, and looks at each element once; no pixel is read. The policy, code by code
and with its reasons: docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.validation import codes
from fiducia.core.dicom.validation.edges import judge_beginning, judge_rest
from fiducia.core.dicom.validation.elements import judge_elements
from fiducia.core.dicom.validation.findings import Findings
from fiducia.core.dicom.validation.image import judge_image
from fiducia.core.dicom.validation.meta import judge_meta, judge_uids
from fiducia.records.intake import Defect, Outcome

__all__ = ["defects_of", "outcome_of"]

DEPTH_USUAL = 16


def defects_of(head: InstanceHead) -> tuple[Defect, ...]:
    """Return what is wrong with an instance: at most 20 defects, one per code, the worst first.

    1. The file's first bytes. 2. Group 0002. 3. The instance's UIDs. 4. Its elements, in sequences too.
    5. Its pixels' description and extent. 6. What follows them.

    Never raises for a head that was read. Takes time in proportion to the number of elements and the
    length of their texts.
    """
    findings = Findings()
    judge_beginning(head, findings)  # 1
    judge_meta(head, findings)  # 2
    judge_uids(head, findings)  # 3
    repertoire = judge_elements(head.elements, findings)  # 4
    if head.depth > DEPTH_USUAL:
        findings.add(codes.DEPTH)
    judge_image(head, findings)  # 5
    judge_elements(head.rest.elements, findings, repertoire)  # 6
    judge_rest(head, findings)
    return findings.defects()


def outcome_of(defects: Iterable[Defect]) -> Outcome:
    """Return what becomes of an instance with these defects: the worst counts."""
    return max((defect.outcome for defect in defects), default=Outcome.ACCEPTED)
