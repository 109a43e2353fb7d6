"""fiducia: a consent ledger for medical images.

The verbs are in `fiducia.journeys`, what they need of the world in `fiducia.ports`, and the command line
and the broker in `fiducia.app`. `fiducia.errors` draws every error.
"""

from importlib.metadata import version

__version__ = version("fiducia")
