"""WADO-RS: rendered frames and thumbnails, to be seen and not measured. Source: PS3.18 sections 8.3.5 and 10.4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.responses import Response

from fiducia.app.gateway.catalogue import NOT_THERE, Target
from fiducia.app.gateway.frames import coded_frame, frames_of, picture
from fiducia.app.gateway.handling import Asked, not_acceptable, streamed
from fiducia.app.gateway.media import choose_rendered
from fiducia.app.gateway.multipart import Multipart
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.gateway.retrieve import Part, framed, note, opened
from fiducia.core.dicom.view import THUMBNAIL, View, Viewport, view_of
from fiducia.errors import NotThereError
from fiducia.journeys.reading.viewing import Viewing

Shown = tuple[Target, int]


class Rendering:
    """The handlers that send pictures."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts

    def rendered(self, asked: Asked) -> Response:
        """`.../rendered` of a study, a series, an instance or frames: one picture for each instance or frame."""
        return self._send(asked, _shown(asked))

    def thumbnail(self, asked: Asked) -> Response:
        """`.../thumbnail`: one small picture that stands for all of it."""
        shown = _shown(asked)
        return self._send(asked, [shown[len(shown) // 2]], THUMBNAIL.viewport)

    def _send(self, asked: Asked, shown: Sequence[Shown], viewport: Viewport | None = None) -> Response:
        choice = choose_rendered(asked.accept, single=len(shown) == 1)
        if choice is None:
            return not_acceptable()
        view = view_of(asked.query, choice.media_type)
        if view.viewport is None and viewport is not None:
            view = View(view.media_type, view.quality, view.window, viewport)
        noted = note(asked.catalogue.viewing, "rendered", [target for target, _ in shown])
        if not choice.multipart:
            return streamed(noted, self._picture(asked.catalogue.viewing, *shown[0], view), choice.content_type)
        frame = Multipart(self._parts.boundary(), choice.media_type)
        parts = (
            Part(choice.content_type, "", self._picture(asked.catalogue.viewing, target, number, view))
            for target, number in shown
        )
        return streamed(noted, framed(frame, parts), frame.content_type)

    def _picture(self, viewing: Viewing, target: Target, number: int, view: View) -> Iterator[bytes]:
        viewing.require(target.series.held)
        yield self._parts.pixels.render(picture(target, number), coded_frame(target, number), view)


def _shown(asked: Asked) -> list[Shown]:
    """What is to be shown: the named frames, or the middle frame of each instance that has any."""
    targets = [target for target in opened(asked) if target.entry.frame_count]
    if not targets:
        raise NotThereError(NOT_THERE)
    if "frames" in asked.path:
        return [(targets[0], number) for number in frames_of(asked.path["frames"], targets[0])]
    return [(target, (target.entry.frame_count + 1) // 2) for target in targets]
