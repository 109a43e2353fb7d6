"""Grants on every basis: drawn up, asked for, signed, revoked, reviewed."""
