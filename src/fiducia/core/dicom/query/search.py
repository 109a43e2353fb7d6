"""The search itself: match, page, shape; in the candidates' order, which must be the same from page to page.

Source: PS3.18 section 8.3.4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fiducia.core.dicom.query.levels import RETRIEVE_URL, Level
from fiducia.core.dicom.query.matching import matches
from fiducia.core.dicom.query.parse import Query
from fiducia.core.dicom.query.shape import shape

MAX_RESULTS = {Level.STUDY: 1000, Level.SERIES: 1000, Level.INSTANCE: 5000}
"""The most results of one answer, whatever its limit."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        results: the answer's data sets, in the DICOM JSON model.
        more: further candidates match; the next page begins at offset + len(results).
    """

    results: list[dict[str, Any]]
    more: bool


def search(
    query: Query,
    candidates: Iterable[Mapping[str, Any]],
    *,
    retrieve_url: Callable[[Mapping[str, Any]], str] | None = None,
    max_results: int | None = None,
) -> Found:
    """Return a query's page of results. Takes candidates until it knows whether there are more.

    Args:
        query: from `parse_query`.
        candidates: what is searched, in a stable order; series and instances `with_parents`.
        retrieve_url: makes a candidate's Retrieve URL (0008,1190); without it, there is none.
        max_results: the most results; `MAX_RESULTS` of the query's level when not given.
    """
    most = MAX_RESULTS[query.level] if max_results is None else max_results
    size = most if query.limit is None else min(most, query.limit)
    matching = (candidate for candidate in candidates if matches(query.keys, candidate))
    page = list(islice(matching, query.offset, query.offset + size + 1))
    return Found([_result(query, candidate, retrieve_url) for candidate in page[:size]], len(page) > size)


def _result(
    query: Query, candidate: Mapping[str, Any], retrieve_url: Callable[[Mapping[str, Any]], str] | None
) -> dict[str, Any]:
    if retrieve_url is not None:
        candidate = {**candidate, RETRIEVE_URL: {"vr": "UR", "Value": [retrieve_url(candidate)]}}
    return shape(query.fields, candidate, level=query.level, within=query.within, everything=query.everything)
