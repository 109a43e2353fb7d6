"""QIDO-RS: searches over what a person may see. Source: PS3.18 section 10.6."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from starlette.responses import Response

from fiducia.app.gateway.catalogue import NOT_THERE, SeenStudy
from fiducia.app.gateway.handling import Asked, not_acceptable
from fiducia.app.gateway.media import choose_metadata
from fiducia.core.dicom.query import Level, parse_query, search
from fiducia.errors import NotThereError
from fiducia.journeys.reading.viewing import ReadNote

_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_MORE = '299 fiducia "there are more results: ask for the next ones with offset"'
_IGNORED = '299 fiducia "some keys were not matched on"'


def search_studies(asked: Asked) -> Response:
    """`/studies`."""
    studies = asked.catalogue.studies()
    return _answer(asked, Level.STUDY, None, studies, (study.candidate() for study in studies))


def search_series(asked: Asked) -> Response:
    """`/series` and `/studies/{study}/series`."""
    studies = _within(asked)
    candidates = (candidate for study in studies for candidate in study.series_candidates())
    return _answer(asked, Level.SERIES, _level(asked), studies, candidates)


def search_instances(asked: Asked) -> Response:
    """`/instances`, `/studies/{study}/instances` and `/studies/{study}/series/{series}/instances`."""
    studies, series = _within(asked), asked.path.get("series", "")
    if series and not any(one.uid == series for study in studies for one in study.series):
        raise NotThereError(NOT_THERE)
    candidates = (candidate for study in studies for candidate in study.instance_candidates(series))
    return _answer(asked, Level.INSTANCE, _level(asked), studies, candidates)


def _within(asked: Asked) -> tuple[SeenStudy, ...]:
    study = asked.path.get("study", "")
    return (asked.catalogue.study(study),) if study else asked.catalogue.studies()


def _level(asked: Asked) -> Level | None:
    if "series" in asked.path:
        return Level.SERIES
    return Level.STUDY if "study" in asked.path else None


def _answer(
    asked: Asked,
    level: Level,
    within: Level | None,
    studies: Iterable[SeenStudy],
    candidates: Iterator[Mapping[str, Any]],
) -> Response:
    choice = choose_metadata(asked.accept)
    if choice is None:
        return not_acceptable()
    query = parse_query(level, asked.query, within=within)
    found = search(query, candidates, retrieve_url=_retrieve_url(asked.base, level))
    _note(asked, studies, found.results)
    headers = {"warning": ", ".join(text for text, said in ((_MORE, found.more), (_IGNORED, query.ignored)) if said)}
    headers = {name: value for name, value in headers.items() if value}
    if not found.results:
        return Response(status_code=204, headers=headers)
    return Response(orjson.dumps(found.results), media_type=choice.media_type, headers=headers)


def _note(asked: Asked, studies: Iterable[SeenStudy], results: Iterable[Mapping[str, Any]]) -> None:
    """Journal which releases the results came from, before they are sent."""
    shown = {_uid(result, _STUDY) for result in results}
    held = {series.held: None for study in studies if study.uid in shown for series in study.series}
    asked.catalogue.viewing.note([(each, ReadNote("search")) for each in held])()


def _retrieve_url(base: str, level: Level) -> Callable[[Mapping[str, Any]], str]:
    def url(candidate: Mapping[str, Any]) -> str:
        parts = [f"studies/{_uid(candidate, _STUDY)}"]
        if level >= Level.SERIES:
            parts.append(f"series/{_uid(candidate, _SERIES)}")
        if level >= Level.INSTANCE:
            parts.append(f"instances/{_uid(candidate, _INSTANCE)}")
        return "/".join([base, *parts])

    return url


def _uid(candidate: Mapping[str, Any], tag: str) -> str:
    values = candidate.get(tag, {}).get("Value") or [""]
    return str(values[0])
