"""The public formats: containers, packs, indexes, manifests, Merkle roots and CIDs.

Everything here is what `docs/formats.md` says, and nothing else is: an implementer of that page in
another language reads what these modules write. Pure values and functions: keys, salts and readers
are arguments. Keys travel in `fiducia.core.keys`; DICOM is parsed in `fiducia.core.dicom`.
Journeys want `sealer.SeriesSealer` and `opener.SeriesOpener`; the rest is underneath.
"""
