"""Keys on their way: shares, the custody document, and lists of keys sealed to one recipient.

What a key opens is in `fiducia.core.formats`; who keeps it is in the vault behind a port. Everything here
is pure: seeds and randomness are arguments (HPKE's own encapsulation draws from the operating system).
"""
