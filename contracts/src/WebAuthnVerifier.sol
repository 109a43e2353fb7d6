// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IERC7913SignatureVerifier } from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import { P256 } from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Base64Url } from "./libraries/Base64Url.sol";

/// @title WebAuthnVerifier
/// @notice Passkeys, on OpenZeppelin's P-256. The checks are those of its WebAuthn.verify and three more: the
/// relying party, one form of a signature, and no P-256 in Solidity where the precompile is missing. They are made on
/// calldata: cheaper than on the library's copy, and no index makes them read, and pay for, memory far away. A test
/// compares every answer with the library's.
contract WebAuthnVerifier is IWebAuthnVerifier {
    bytes4 private constant YES = IERC7913SignatureVerifier.verify.selector;
    bytes4 private constant NO = 0xffffffff;

    bytes1 private constant PRESENT_AND_VERIFIED = 0x05;
    bytes1 private constant BACKUP_ELIGIBLE = 0x08;
    bytes1 private constant BACKED_UP = 0x10;
    bytes21 private constant GET = "\"type\":\"webauthn.get\"";
    bytes13 private constant CHALLENGE = "\"challenge\":\""; // 43 characters for 32 bytes follow, and a quotation mark
    uint256 private constant HEAD = 6 * 32; // r, s, two indexes, two offsets

    bytes32 private immutable _RP_ID_HASH;

    /// @dev Creation fails on a chain without the P-256 precompile (MissingPrecompile). The vector is Wycheproof's
    /// (ecdsa_secp256r1_sha256, small r and s).
    constructor(bytes32 rpIdHash_) {
        bool answers = P256.verifyNative(
            0xbb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023,
            bytes32(uint256(5)),
            bytes32(uint256(1)),
            0xa71af64de5126a4a4e02b7922d66ce9415ce88a4c9d25514d91082c8725ac957,
            0x5d47723c8fbe580bb369fec9c2665d8e30a435b9932645482e7c9f11e872296b
        );
        assert(answers); // the other answer to a good vector is the revert above
        _RP_ID_HASH = rpIdHash_;
    }

    /// @inheritdoc IERC7913SignatureVerifier
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature)
        external
        view
        override
        returns (bytes4)
    {
        if (key.length != 64 || signature.length < HEAD) return NO;
        bytes32 message = _message(hash, signature);
        if (message == 0) return NO;
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        (bytes32 x, bytes32 y) = abi.decode(key, (bytes32, bytes32));
        return P256.verifyNative(message, r, s, x, y) ? YES : NO;
    }

    /// @inheritdoc IWebAuthnVerifier
    function rpIdHash() external view override returns (bytes32) {
        return _RP_ID_HASH;
    }

    /// @dev What the passkey must have signed; zero when the assertion is malformed or is not about the digest.
    function _message(bytes32 hash, bytes calldata signature) private view returns (bytes32) {
        (bytes calldata authenticatorData, bytes calldata clientData) = _fields(signature);
        if (!_isOurs(authenticatorData)) return 0;
        (uint256 challengeIndex, uint256 typeIndex) = abi.decode(signature[64:], (uint256, uint256));
        if (!_isGet(clientData, typeIndex) || !_isChallenge(clientData, challengeIndex, hash)) return 0;
        return sha256(bytes.concat(authenticatorData, sha256(clientData)));
    }

    /// @dev The two fields of a signature, empty unless it is exactly what the encoder writes: no other order, no gaps,
    /// nothing in the padding, nothing after it. So an assertion has one form.
    function _fields(bytes calldata signature)
        private
        pure
        returns (bytes calldata authenticatorData, bytes calldata clientData)
    {
        (uint256 first, uint256 second) = abi.decode(signature[128:], (uint256, uint256));
        uint256 end;
        (authenticatorData, end) = _field(signature, HEAD);
        bool canonical = first == HEAD && second == end;
        (clientData, end) = _field(signature, end);
        if (!canonical || end != signature.length) return (_nothing(), _nothing());
    }

    /// @dev The field that starts at `start`, and its end: a length, the bytes, zeros up to a whole word, as the encoder
    /// writes it. Nothing, with end 0, when it is anything else. `start` is not after the end of `encoded`, and neither
    /// is a length that counts, so no sum overflows; every word that is read lies within `encoded`.
    function _field(bytes calldata encoded, uint256 start) private pure returns (bytes calldata field, uint256 end) {
        field = _nothing();
        unchecked {
            if (start + 32 > encoded.length) return (field, 0);
            uint256 length = _word(encoded, start);
            if (length > encoded.length) return (field, 0);
            end = start + 32 + ((length + 31) & ~uint256(31));
            if (end > encoded.length) return (field, 0);
            uint256 used = length & 31;
            if (used != 0 && _word(encoded, end - 32) << (8 * used) != 0) return (field, 0);
            assembly ("memory-safe") {
                field.offset := add(add(encoded.offset, start), 32)
                field.length := length
            }
        }
    }

    function _word(bytes calldata encoded, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(encoded.offset, offset))
        }
    }

    function _nothing() private pure returns (bytes calldata nothing) {
        assembly ("memory-safe") {
            nothing.offset := 0
            nothing.length := 0
        }
    }

    /// @dev Whether the authenticator signed for this consortium's relying party, with the user present and verified.
    function _isOurs(bytes calldata authenticatorData) private view returns (bool) {
        if (authenticatorData.length < 37 || bytes32(authenticatorData[:32]) != _RP_ID_HASH) return false;
        bytes1 flags = authenticatorData[32];
        if (flags & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED) return false;
        return flags & BACKED_UP == 0 || flags & BACKUP_ELIGIBLE != 0;
    }

    /// @dev Whether the assertion was asked for with navigator.credentials.get.
    function _isGet(bytes calldata clientData, uint256 index) private pure returns (bool) {
        if (clientData.length < 21 || index > clientData.length - 21) return false;
        return bytes21(clientData[index:]) == GET;
    }

    /// @dev Whether the digest was the challenge.
    function _isChallenge(bytes calldata clientData, uint256 index, bytes32 hash) private pure returns (bool) {
        if (clientData.length < 57 || index > clientData.length - 57) return false;
        bytes calldata member = clientData[index:];
        if (bytes13(member) != CHALLENGE || member[56] != "\"") return false;
        (bytes32 first, bytes11 last) = Base64Url.encode(hash);
        return bytes32(member[13:]) == first && bytes11(member[45:]) == last;
    }
}
