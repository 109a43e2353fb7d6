"""Lets `python -m fiducia.app.cli` be the command line: how the development stack starts its brokers."""

from __future__ import annotations

import sys

from fiducia.app.cli import main

sys.exit(main())
