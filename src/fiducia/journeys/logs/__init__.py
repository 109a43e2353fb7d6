"""A member's journal as a log: checkpoints, witnesses, proofs, audits of it."""
