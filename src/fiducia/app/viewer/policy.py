"""What a browser lets pages of ours do: nothing outside of this origin. Source: CSP Level 3, HTML, Fetch.

The viewer is a large program by strangers that shows images: it may load, run and connect to what this origin has, and
nothing else, so it cannot send elsewhere what it shows. Two things are wider than one would like:
- 'wasm-unsafe-eval' and, in workers alone, 'unsafe-eval': its decoders are WebAssembly whose glue makes functions of
  text. A worker has no page, and the same walls around it.
- 'unsafe-inline' for styles: it writes style elements. Styles cannot connect anywhere either.
"""

from __future__ import annotations

from collections.abc import Mapping

_WALLS = (
    "default-src 'none'",
    "connect-src 'self' blob: data:",
    "font-src 'self' data:",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
PAGE_CSP = "; ".join([*_WALLS, "script-src 'self' 'wasm-unsafe-eval'"])
"""Of the viewer's page, and of its scripts when they run as part of it."""
WORKER_CSP = "; ".join([*_WALLS, "script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'"])
"""Of scripts that run as workers: a worker's policy is its own script's, not the page's."""

COMMON: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # URLs name studies; and with no-referrer a form would have no Origin
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=(), serial=()",
}
"""On everything that is served to a browser."""
