"""What the sign-in page offers beside the token: the hospital's account, a passkey; and what is told when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fiducia.core.rules import Purpose
from fiducia.errors import DeniedError, FiduciaError, InputError, LimitError, ProviderError, VerificationError

OIDC_PATH, CALLBACK_PATH, DONE_PATH, AGAIN_PATH = (
    "/sign-in/oidc",
    "/sign-in/callback",
    "/sign-in/done",
    "/sign-in/again",
)
PASSKEY_PATH, NEW_PATH, SCRIPT_PATH = "/sign-in/passkey", "/sign-in/passkey/new", "/sign-in/passkey.js"

_PURPOSES = {
    Purpose.TREAT: "Treatment",
    Purpose.ETREAT: "Emergency treatment",
    Purpose.HPAYMT: "Payment",
    Purpose.HOPERAT: "Operations",
    Purpose.HRESCH: "Research",
    Purpose.CLINTRCH: "A clinical trial",
    Purpose.PUBHLTH: "Public health",
    Purpose.PATRQT: "The patient's request",
    Purpose.FAMRQT: "The family's request",
    Purpose.HLEGAL: "Legal",
}

TOLD: Mapping[str, str] = {
    "again": "This sign-in was not begun in this browser, or it is over. Begin it again.",
    "later": "It does not work just now. Try again in a minute.",
    "often": "Too many attempts. Wait a minute.",
    "provider": "Your hospital's sign-in does not answer. Try again, or sign in another way.",
    "refused": "Your hospital's sign-in let nobody in.",
    "unverified": "What your hospital's sign-in said could not be verified. Begin again; if it stays so, tell your IT.",
    "not-staff": "Nobody of this institution's staff signs in with this account. Ask your institution to add it.",
    "person-withdrawn": "Your institution has withdrawn your access. Ask it.",
    "training-lapsed": "Your training has lapsed. Ask your institution.",
    "purpose-not-for-role": "None of your roles may ask for this purpose. Choose another.",
    "institution": "Your institution cannot sign anybody in just now. Its governor knows why.",
}
"""Every text that a failed sign-in can lead to; none is anybody else's."""

_BY_REASON = {
    "NOT_STAFF": "not-staff",
    "PERSON_WITHDRAWN": "person-withdrawn",
    "TRAINING_LAPSED": "training-lapsed",
    "PURPOSE_NOT_FOR_ROLE": "purpose-not-for-role",
    "PROVIDER_REFUSED": "refused",
}
_BY_KIND: tuple[tuple[type[FiduciaError], str], ...] = (
    (InputError, "again"),
    (LimitError, "often"),
    (ProviderError, "provider"),
    (VerificationError, "unverified"),
)


@dataclass(frozen=True, slots=True)
class Ways:
    """What the page shows before the token's form; `scripted`: it loads our script."""

    html: str
    scripted: bool


def ways_of(*, oidc: bool, passkeys: bool) -> Ways | None:
    """Return the ways that there are; None when the token is the only one."""
    if not (oidc or passkeys):
        return None
    options = "".join(f'<option value="{purpose.name}">{words}</option>' for purpose, words in _PURPOSES.items())
    html = f'<form method="post" action="{OIDC_PATH}" id="ways"><label for="purpose">What for</label>'
    html += f'<select id="purpose" name="purpose">{options}</select> '
    html += "<button>Sign in with your hospital account</button> " if oidc else ""
    # Without the script it would do nothing: the script shows it.
    html += '<button type="button" id="passkey" hidden>Sign in with a passkey</button>' if passkeys else ""
    html += "</form>"
    if passkeys:
        html += f'<p id="told" role="status"></p><p><a href="{NEW_PATH}">Register a passkey</a></p>'
        html += f'<script src="{SCRIPT_PATH}" defer></script>'
    return Ways(html + "<hr>", passkeys)


def told_of(error: FiduciaError) -> str:
    """Return which text a failed sign-in is told with: a key of `TOLD`."""
    if isinstance(error, DeniedError):
        return _BY_REASON.get(error.reason, "institution")
    return next((key for kind, key in _BY_KIND if isinstance(error, kind)), "later")
