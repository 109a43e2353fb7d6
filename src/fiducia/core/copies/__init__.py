"""Copies of a home: what one holds, how it is sealed and signed, and the shares of the key that opens it.

Pure: keys, salts and times are arguments. Where copies lie is behind `ports.SecondPlace`; what goes into one is told
by the home's own parts (`ports.CopySource`). Source: docs/formats.md, "Copies".
"""
