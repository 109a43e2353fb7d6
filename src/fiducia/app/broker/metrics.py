"""Counters and times for operators; no label holds an id, an identity or an address."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One broker's metrics in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "fiducia_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "fiducia_request_seconds", "Time to answer by route.", ["route"], registry=self._registry
        )
        self.denials = Counter("fiducia_denials", "Refused requests by reason.", ["reason"], registry=self._registry)
        self.waiting = Gauge(
            "fiducia_revokes_waiting", "Revokes taken that the chain does not show yet.", registry=self._registry
        )
        self.late = Gauge(
            "fiducia_late_waiting",
            "Hand-overs made while the chain stalled that it does not show yet.",
            registry=self._registry,
        )

        self.log_size = Gauge(
            "fiducia_log_size", "Journal entries that the newest checkpoint covers.", registry=self._registry
        )
        self.log_witnesses = Gauge(
            "fiducia_log_witnesses", "Other members that have cosigned the newest checkpoint.", registry=self._registry
        )

        self.log_anchored = Gauge(
            "fiducia_log_anchored",
            "Journal entries that the newest anchored checkpoint covers.",
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self._registry)
