"""The broker's ASGI application: thin routes, each one journey.

A route reads a bounded body, decodes it strictly, runs its journey in a thread, and encodes the answer.
Nothing is decided here. Sizes, counts and times are bounded on every route; answers are never cached;
nothing of a request is logged but the route, the status and the time it took.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fiducia import __version__
from fiducia.app.broker import metrics as metrics_module
from fiducia.app.broker.asking import AskingRoutes
from fiducia.app.broker.health import HealthChecks
from fiducia.app.broker.limits import Gate, Limits
from fiducia.app.broker.log_keeping import LogKeeper
from fiducia.app.broker.log_routes import LogRoutes
from fiducia.app.broker.metrics import Metrics
from fiducia.app.broker.openapi import documented
from fiducia.app.broker.parts import BrokerParts
from fiducia.app.broker.proving import ProvingRoutes
from fiducia.app.broker.routes import Routes
from fiducia.app.broker.trusteeship import TrusteeRoutes
from fiducia.app.web import plain_problem, problem
from fiducia.errors import DeniedError, EncodingError, FiduciaError

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_log = structlog.get_logger("fiducia.broker")


def create_app(
    parts: BrokerParts,
    *,
    limits: Limits | None = None,
    lifespan: Lifespan | None = None,
    keeper: LogKeeper | None = None,
) -> FastAPI:
    """Build the application of one broker.

    Args:
        parts: journeys and ports.
        limits: bounds of the door; the defaults when None.
        lifespan: background work that starts and stops with the application.
        keeper: who keeps the log in that background; readiness and metrics tell how it goes.
    """
    app = FastAPI(
        title="fiducia broker",
        version=__version__,
        summary="Relays grants, takes revokes, records releases, hands over sealed keys, keeps asks, signs proofs.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    gate, counted = Gate(limits or Limits()), Metrics()
    app.state.metrics = counted
    Routes(parts, gate).mount(app)
    AskingRoutes(parts, gate).mount(app)
    LogRoutes(parts, gate).mount(app)
    ProvingRoutes(parts, gate).mount(app)
    TrusteeRoutes(parts, gate).mount(app)
    _mount_operations(app, parts, counted, keeper or LogKeeper(parts.log))
    _mount_errors(app, counted)
    app.add_middleware(_Watched, gate=gate, counted=counted)
    app.openapi = documented(app)  # type: ignore[method-assign]
    return app


def _mount_operations(app: FastAPI, parts: BrokerParts, counted: Metrics, keeper: LogKeeper) -> None:
    health = HealthChecks(parts, keeper.health)

    @app.get("/healthz", summary="The process is alive.")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="A release could be made now; each part is named, with what is wrong with it.")
    async def readyz() -> Response:
        found = await run_in_threadpool(health.ask)
        said = {"ready": found.ready, "parts": found.parts, "why": found.why}
        return _json(said, 200 if found.ready else 503)

    @app.get("/metrics", summary="Prometheus metrics.")
    async def metrics() -> Response:
        counted.waiting.set(len(parts.taken.waiting()))
        counted.late.set(len(parts.asking.late.waiting()))
        counted.log_size.set(keeper.size)
        counted.log_witnesses.set(keeper.witnesses)
        counted.log_anchored.set(keeper.anchored)
        return Response(counted.exposition(), media_type=metrics_module.MEDIA_TYPE)


def _mount_errors(app: FastAPI, counted: Metrics) -> None:
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, FiduciaError)
        if isinstance(error, DeniedError):
            counted.denials.labels(error.reason).inc()
        return problem(error)

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return plain_problem(error.status_code, error.detail, error.headers)

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Names only: a value may be anything.
        names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        return problem(EncodingError(f"these parameters are not in their form: {names}; see /openapi.json"))

    app.add_exception_handler(FiduciaError, refused)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, malformed)


class _Watched:
    """The outermost layer of ours: counts, bounds, names and logs every request; plain ASGI, because all pass it."""

    def __init__(self, app: ASGIApp, gate: Gate, counted: Metrics) -> None:
        self._app = app
        self._gate = gate
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            self._gate.admit(Request(scope))
            await self._app(scope, receive, answer)
        except FiduciaError as error:
            await problem(error)(scope, receive, answer)
        except Exception as error:
            # A defect of ours: its kind is logged, its text (which may quote a request) is not.
            _log.error("defect", kind=type(error).__name__)
            if status:
                raise  # too late for another answer: the connection ends
            await plain_problem(500, "Internal Server Error")(scope, receive, answer)
        self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._counted.requests.labels(route, status).inc()
        self._counted.seconds.labels(route).observe(seconds)
        _log.info("answered", route=route, status=status, ms=round(seconds * 1000, 1))


def _json(value: dict[str, Any], status: int) -> Response:
    return JSONResponse(value, status)
