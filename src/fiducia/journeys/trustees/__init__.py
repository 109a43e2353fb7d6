"""Shares of keys at their trustees: dealt, kept, given up, destroyed, and whom to blame."""
