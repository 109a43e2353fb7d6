// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IERC7913SignatureVerifier } from "@openzeppelin/contracts/interfaces/IERC7913.sol";

import { WebAuthnVerifier } from "../src/WebAuthnVerifier.sol";
import { IErrors } from "../src/interfaces/IErrors.sol";
import { IWebAuthnVerifier } from "../src/interfaces/IWebAuthnVerifier.sol";
import { SignerCheck } from "../src/libraries/SignerCheck.sol";
import { Passkeys } from "./utils/Passkeys.sol";

/// @dev Takes bytes as calldata, as the library does.
contract Checker {
    IWebAuthnVerifier private immutable _VERIFIER;

    constructor(IWebAuthnVerifier verifier) {
        _VERIFIER = verifier;
    }

    function isSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return SignerCheck.isSignedBy(signer, digest, signature, _VERIFIER);
    }

    function requireSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) external view {
        SignerCheck.requireSignedBy(signer, digest, signature, _VERIFIER);
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return SignerCheck.recover(digest, signature);
    }
}

/// @dev What a signer of its own choice could name.
contract YesVerifier is IERC7913SignatureVerifier {
    function verify(bytes calldata, bytes32, bytes calldata) external pure override returns (bytes4) {
        return IERC7913SignatureVerifier.verify.selector;
    }
}

/// @dev Takes all the gas it is given.
contract BurningVerifier is IERC7913SignatureVerifier {
    function verify(bytes calldata, bytes32, bytes calldata) external pure override returns (bytes4) {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

contract SignerCheckTest is Passkeys {
    Checker private _checker;

    function setUp() public override {
        verifier = new WebAuthnVerifier(RP_ID_HASH);
        _checker = new Checker(verifier);
    }

    function refuse(bytes memory signer, bytes32 digest, bytes memory signature) private {
        assertFalse(_checker.isSignedBy(signer, digest, signature), "unsupported");
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        _checker.requireSignedBy(signer, digest, signature);
    }

    function test_its_own_signature(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, 1 << 200);
        assertTrue(_checker.isSignedBy(signerOf(key), digest, sign(key, digest)), "own");
        assertFalse(_checker.isSignedBy(signerOf(key), digest, malleate(sign(key, digest))), "high s");
        assertFalse(_checker.isSignedBy(signerOf(key + 1), digest, sign(key, digest)), "another's");
        assertFalse(_checker.isSignedBy(signerOf(key), ~digest, sign(key, digest)), "another digest");
    }

    function test_a_passkeys_own_signature(uint256 key, bytes32 digest) public {
        key = bound(key, 1, 1 << 200);
        bytes memory signature = signPasskey(key, digest);
        _checker.requireSignedBy(passkeyOf(key), digest, signature);
        assertTrue(_checker.isSignedBy(passkeyOf(key), digest, signature), "own");
        assertFalse(_checker.isSignedBy(passkeyOf(key + 1), digest, signature), "another's");
        assertFalse(_checker.isSignedBy(passkeyOf(key), ~digest, signature), "another digest");
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignatureInvalid.selector, ~digest));
        _checker.requireSignedBy(passkeyOf(key), ~digest, signature);
    }

    function test_a_kind_does_not_sign_for_the_other(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, 1 << 200);
        assertFalse(_checker.isSignedBy(signerOf(key), digest, signPasskey(key, digest)), "passkey for account");
        assertFalse(_checker.isSignedBy(passkeyOf(key), digest, sign(key, digest)), "account for passkey");
    }

    function test_any_bytes_are_nobodys(bytes32 digest, bytes memory signature) public view {
        assertFalse(_checker.isSignedBy(abi.encodePacked(address(0)), digest, signature), "zero address");
        assertFalse(_checker.isSignedBy(signerOf(PATIENT), digest, signature), "random");
        assertFalse(_checker.isSignedBy(passkeyOf(PASSKEY), digest, signature), "random for a passkey");
        if (signature.length != 65) assertEq(_checker.recover(digest, signature), address(0), "length");
    }

    function test_other_lengths_are_refused(bytes memory signer, bytes32 digest) public {
        vm.assume(signer.length != 20);
        refuse(signer, digest, sign(PATIENT, digest));
    }

    function test_bytes_after_an_address_are_refused(bytes memory tail, bytes32 digest) public {
        vm.assume(tail.length > 0);
        refuse(bytes.concat(signerOf(PATIENT), tail), digest, sign(PATIENT, digest));
    }

    function test_other_lengths_of_passkeys_are_refused(bytes memory tail, bytes32 digest) public {
        vm.assume(tail.length != 64);
        bytes memory signer = bytes.concat(bytes20(address(verifier)), tail);
        if (tail.length == 0) assertFalse(_checker.isSignedBy(signer, digest, ""), "the verifier is no account");
        else refuse(signer, digest, signPasskey(PASSKEY, digest));
        refuse(bytes.concat(passkeyOf(PASSKEY), hex"00"), digest, signPasskey(PASSKEY, digest));
    }

    function test_a_verifier_that_always_says_yes(bytes32 digest, bytes memory signature) public {
        YesVerifier yes = new YesVerifier();
        refuse(bytes.concat(bytes20(address(yes)), keyOf(PASSKEY)), digest, signature);
        refuse(bytes.concat(bytes20(address(yes)), keyOf(PASSKEY)), digest, signPasskey(PASSKEY, digest));
    }

    function test_a_verifier_that_burns_gas(bytes32 digest) public {
        BurningVerifier burning = new BurningVerifier();
        refuse(bytes.concat(bytes20(address(burning)), keyOf(PASSKEY)), digest, "");
        assertTrue(vm.lastCallGas().gasTotalUsed < 50_000, "it was called");
    }

    function test_a_second_verifier_of_our_own_is_refused(bytes32 digest) public {
        WebAuthnVerifier second = new WebAuthnVerifier(RP_ID_HASH);
        refuse(bytes.concat(bytes20(address(second)), keyOf(PASSKEY)), digest, signPasskey(PASSKEY, digest));
    }
}
