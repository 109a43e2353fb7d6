"""The broker: a member's door to the world, thin routes over journeys.

`create_app` builds the ASGI application from journeys and ports; `serve` runs it with uvicorn and the
background work (following the chain, relaying revokes). Callers prove who they are by what they sign;
there is no login and no shared secret.
"""

from fiducia.app.broker.application import create_app
from fiducia.app.broker.parts import AskingParts, BrokerParts, LogParts, ProvingParts, TrusteeParts
from fiducia.app.broker.serve import serve

__all__ = ["AskingParts", "BrokerParts", "LogParts", "ProvingParts", "TrusteeParts", "create_app", "serve"]
