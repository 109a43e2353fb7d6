"""Does this signer approve this digest? The patient's side may sign in two ways; a ledger accepts no third.

Signer bytes are ERC-7913's: an EOA is its 20 address bytes (`core.signatures`), a passkey the ledger's one
WebAuthn verifier ‖ x ‖ y, 84 bytes (`core.passkeys`). Any other verifier would be of the signer's own choice
and could answer yes to everything. Staff, registrars and governors are EOAs and never come here. Mirrors
contracts/src/libraries/SignerCheck.sol. Source: design section 5, Signers; ERC-7913.
"""

from __future__ import annotations

from fiducia.core import passkeys, signatures
from fiducia.core.typed_data import Domains
from fiducia.errors import SignatureError

ADDRESS_BYTES = 20
PASSKEY_BYTES = ADDRESS_BYTES + passkeys.KEY_BYTES


def passkey_signer(domains: Domains, key: bytes) -> bytes:
    """Return the signer bytes of a passkey (x ‖ y, 64 bytes) on this ledger. Raises: SignatureError."""
    signer = domains.verifier + key
    if not is_passkey(domains, signer):
        raise SignatureError("this ledger takes no passkeys, or the key is not 64 bytes")
    return signer


def is_passkey(domains: Domains, signer: bytes) -> bool:
    """Tell whether signer bytes name a passkey of this ledger's verifier."""
    has_verifier = len(domains.verifier) == ADDRESS_BYTES
    return has_verifier and len(signer) == PASSKEY_BYTES and signer[:ADDRESS_BYTES] == domains.verifier


def is_supported(domains: Domains, signer: bytes) -> bool:
    """Tell whether signer bytes are of a kind that this ledger accepts."""
    is_account = len(signer) == ADDRESS_BYTES and any(signer)
    return is_account or is_passkey(domains, signer)


def require_approved(domains: Domains, digest: bytes, signer: bytes, signature: bytes) -> None:
    """Return when the signer approved the digest.

    Args:
        domains: the ledger's; its verifier and relying party are those of passkeys.
        digest: 32 bytes, from `Domains.digest`.
        signer: ERC-7913 bytes.
        signature: 65 bytes by an EOA, or in the form of `passkeys.encode`.

    Raises:
        SignatureError: an unsupported signer, a malformed signature, or somebody else's.
    """
    if not is_supported(domains, signer):
        raise SignatureError("the signer is of a kind that this ledger does not accept")
    if is_passkey(domains, signer):
        passkeys.verify(signer[ADDRESS_BYTES:], digest, signature, domains.rp_id_hash)
    else:
        signatures.verify(digest, signature, signer)


def approves(domains: Domains, digest: bytes, signer: bytes, signature: bytes) -> bool:
    """Tell whether the signer approved the digest; see `require_approved`."""
    try:
        require_approved(domains, digest, signer, signature)
    except SignatureError:
        return False
    return True
