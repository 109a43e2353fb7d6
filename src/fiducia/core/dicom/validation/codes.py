"""Every defect that an instance can have: its code, what becomes of the instance, and how it is said.

Owns: the list; docs/intake.md gives the reasons, and a test holds both together. None of them refuses, as the
reader does: what it could follow to its end is either harmless or for a person to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.intake import Outcome

CODES: dict[str, Code] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """One kind of defect; `says` has no values in it and reads on with the tags."""

    name: str
    outcome: Outcome
    says: str


def _code(name: str, outcome: Outcome, says: str) -> Code:
    CODES[name] = Code(name, outcome, says)
    return CODES[name]


_NOTE, _ASIDE = Outcome.ACCEPTED, Outcome.QUARANTINED

# The file: what stands before and behind the data set (`edges`).
PREAMBLE_TIFF = _code("preamble-tiff", _NOTE, "the file can also be read as TIFF, as whole-slide images can")
PREAMBLE_UNKNOWN = _code("preamble-unknown", _NOTE, "the preamble holds something that is neither zeros nor text")
PREAMBLE_FOREIGN = _code(
    "preamble-foreign", _ASIDE, "the file begins as a program, script, page, archive or picture does"
)
TRAILING_PADDING = _code("trailing-padding", _NOTE, "padding follows the data set that is no element")
TRAILING_BYTES = _code("trailing-bytes", _ASIDE, "something follows the data set that is no part of it")
TRAILING_FOREIGN = _code("trailing-foreign", _ASIDE, "the file ends as an archive or a document does")

# Group 0002 (`meta`).
META_INCOMPLETE = _code("meta-incomplete", _NOTE, "the file meta information lacks what PS3.10 asks for")
META_VERSION = _code("meta-version", _NOTE, "File Meta Information Version is not version 1")
META_UNKNOWN = _code("meta-unknown", _NOTE, "the file meta information has elements that PS3.10 does not know")
META_PRIVATE = _code("meta-private", _NOTE, "private information stands there without its creator, or the reverse")
META_INSTANCE_DIFFERS = _code(
    "meta-instance-differs", _NOTE, "the file meta information names another SOP instance; the data set counts"
)
META_CLASS_DIFFERS = _code("meta-class-differs", _ASIDE, "the file meta information names another SOP class")

# UIDs (`meta`, and `elements` for references).
UID_SHARED = _code("uid-shared", _ASIDE, "one UID names two different things")
UID_WELL_KNOWN = _code("uid-well-known", _ASIDE, "a UID of the standard's own names an instance, series or study")
UID_SYNTAX = _code("uid-syntax", _NOTE, "a UID that refers to something is not a valid one")

# Values against the standard's dictionary and PS3.5 section 6.2 (`elements`).
KEY_REPRESENTATION = _code(
    "key-representation", _ASIDE, "attributes that fiducia relies on have another VR than the standard's"
)
REPRESENTATION = _code("representation", _NOTE, "attributes have another VR than the standard's")
MULTIPLICITY = _code("multiplicity", _NOTE, "attributes have more or fewer values than the standard allows")
VALUE_WIDTH = _code("value-width", _NOTE, "values have a length that is no multiple of their VR's")
VALUE_ODD = _code("value-odd", _NOTE, "values have an odd length")
VALUE_LONG = _code("value-long", _NOTE, "values are longer than their VR allows")
VALUE_FORM = _code("value-form", _NOTE, "values hold characters, or a form, that their VR does not allow")
ELEMENT_UNKNOWN = _code("element-unknown", _NOTE, "attributes of the standard's groups that it does not know")
PRIVATE_CREATOR = _code("private-creator", _NOTE, "private attributes whose creator is not named")
CHARSET_TERM = _code("charset-term", _NOTE, "Specific Character Set has a term that is unknown here")
CHARSET_TEXT = _code("charset-text", _NOTE, "texts have bytes that mean nothing in the declared character set")
DEPTH = _code("depth", _NOTE, "sequences are nested unusually deep")

# Pixels, without reading one (`image`).
PIXELS_EMPTY = _code("pixels-empty", _ASIDE, "there are pixel data, but the image's size is not given or zero")
PIXELS_HIDDEN = _code("pixels-hidden", _ASIDE, "there are more pixel bytes than the image's size asks for")
PIXELS_PADDED = _code("pixels-padded", _NOTE, "the pixel data are padded by more than one byte")
BITS = _code("bits", _ASIDE, "the stored bits do not lie within the allocated ones")
BITS_PLACE = _code("bits-place", _NOTE, "Bits Stored or High Bit is missing, or they do not fit each other")
PHOTOMETRIC = _code("photometric", _ASIDE, "Samples per Pixel does not fit Photometric Interpretation")
PHOTOMETRIC_UNKNOWN = _code(
    "photometric-unknown", _NOTE, "Photometric Interpretation is missing or none of the standard's"
)
PALETTE = _code("palette", _ASIDE, "the image has palette colours, but no palette")
FRAGMENTS_MISSING = _code("fragments-missing", _ASIDE, "there are fewer fragments than frames")
FRAMES_UNASSIGNED = _code(
    "frames-unassigned", _NOTE, "nothing says which fragments are which frame's, so frames cannot be fetched one by one"
)
OFFSET_TABLE = _code("offset-table", _NOTE, "an offset table does not fit the fragments and is passed over")

MORE = _code("more", _NOTE, "there are more kinds of defects than are listed")
