"""Copies of a home at a second place, and its return out of them."""
