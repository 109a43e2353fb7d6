"""Collects what is found, and makes a short list of it, whatever the size of what was judged.

Owns: one defect per code with the first few tags, the worst first, at most `DEFECTS_MAX`.
"""

from __future__ import annotations

from fiducia.core.dicom.codec import name_tag
from fiducia.core.dicom.validation.codes import MORE, Code
from fiducia.records.intake import Defect

DEFECTS_MAX = 20
TAGS_SHOWN = 4


class Findings:
    """What is found in one instance."""

    def __init__(self) -> None:
        self._shown: dict[Code, list[int]] = {}
        self._times: dict[Code, int] = {}

    def add(self, code: Code, *tags: int) -> None:
        """Note one finding, and the tags that it is about."""
        shown = self._shown.setdefault(code, [])
        self._times[code] = self._times.get(code, 0) + max(len(tags), 1)
        for tag in tags:
            if len(shown) < TAGS_SHOWN and tag not in shown:
                shown.append(tag)

    def defects(self) -> tuple[Defect, ...]:
        """Return one defect per code, the worst first, else in the order in which they were found."""
        codes = sorted(self._shown, key=lambda code: -code.outcome)
        if len(codes) > DEFECTS_MAX:
            codes[DEFECTS_MAX - 1 :] = [MORE]
        return tuple(Defect(code.name, code.outcome, self._detail(code)) for code in codes)

    def _detail(self, code: Code) -> str:
        shown = self._shown.get(code)
        if not shown:
            return code.says
        named, times = ", ".join(map(name_tag, shown)), self._times[code]
        return f"{code.says}: {named}" + (f"; {times} times in all" if times > len(shown) else "")
