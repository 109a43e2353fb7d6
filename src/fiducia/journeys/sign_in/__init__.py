"""Signing in at a gateway: by account or passkey, as one person for one shift."""
