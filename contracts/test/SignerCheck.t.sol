// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { SignerCheck } from "../src/libraries/SignerCheck.sol";
import { Base } from "./Base.t.sol";

/// @dev Takes bytes as calldata, as the library does.
contract Checker {
    function isSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) external pure returns (bool) {
        return SignerCheck.isSignedBy(signer, digest, signature);
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return SignerCheck.recover(digest, signature);
    }
}

contract SignerCheckTest is Base {
    Checker private _checker;

    function setUp() public override {
        _checker = new Checker();
    }

    function test_its_own_signature(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, 1 << 200);
        assertTrue(_checker.isSignedBy(signerOf(key), digest, sign(key, digest)), "own");
        assertFalse(_checker.isSignedBy(signerOf(key), digest, malleate(sign(key, digest))), "high s");
        assertFalse(_checker.isSignedBy(signerOf(key + 1), digest, sign(key, digest)), "another's");
        assertFalse(_checker.isSignedBy(signerOf(key), ~digest, sign(key, digest)), "another digest");
    }

    function test_any_bytes_are_nobodys(bytes32 digest, bytes memory signature) public view {
        assertFalse(_checker.isSignedBy(abi.encodePacked(address(0)), digest, signature), "zero address");
        assertFalse(_checker.isSignedBy(signerOf(PATIENT), digest, signature), "random");
        if (signature.length != 65) assertEq(_checker.recover(digest, signature), address(0), "length");
    }

    function test_other_lengths_are_refused(bytes memory signer, bytes32 digest) public view {
        vm.assume(signer.length != 20);
        assertFalse(_checker.isSignedBy(signer, digest, sign(PATIENT, digest)), "unsupported");
    }

    function test_a_verifier_after_the_address_is_refused(bytes memory tail, bytes32 digest) public view {
        vm.assume(tail.length > 0);
        bytes memory signer = bytes.concat(signerOf(PATIENT), tail);
        assertFalse(_checker.isSignedBy(signer, digest, sign(PATIENT, digest)), "longer than an address");
    }

    function test_p256_is_there_for_the_passkeys_to_come() public view {
        // The example of RFC 6979 A.2.5, SHA-256 of "sample", through the precompile at 0x100 (EIP-7951).
        bytes memory input = abi.encode(
            sha256("sample"),
            0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
            0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
            0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
            0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
        );
        (, bytes memory answer) = address(0x100).staticcall(input);
        assertEq(abi.decode(answer, (uint256)), 1, "P-256");
    }
}
