"""A member's log as the transparency world has it: leaves, trees, tiles, checkpoints, cosignatures, proofs, evidence.

`leaf` says what of a journal entry is shown, `tree` and `tiles` how many of them hang together, `note`, `checkpoint`
and `signing` what a member and its witnesses sign, `witness` what a log sends to a witness, `proof` the file that shows
entries, `evidence` the file that shows a log to have lied. Bytes in, bytes out; who asks whom is the journeys'.
Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-witness, tlog-proof; docs/formats.md.
"""
