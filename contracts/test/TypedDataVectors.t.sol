// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, IGrants } from "../src/interfaces/IGrants.sol";
import { Admit, Badge, Publish, RaiseBadgeEpoch, WithdrawPerson } from "../src/interfaces/IMembers.sol";
import { IReleases, KeyRequest } from "../src/interfaces/IReleases.sol";
import { Anchor, Revise } from "../src/interfaces/IStudies.sol";
import { Enrol, RevokeAll } from "../src/interfaces/ISubjects.sol";
import { Base } from "./Base.t.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @dev The cheatcodes that only this test needs.
interface VectorsVm {
    function parseJsonType(string calldata json, string calldata key, string calldata description)
        external
        pure
        returns (bytes memory);
}

/// @dev AnchorBatch as wallets know it; the contract takes the array itself.
struct Batch {
    Anchor[] anchors;
}

/// @title The shared typed data, tests/vectors/typed_data.json.
/// @notice The same rows are read by Python, viem and eth-account: all must hash every struct alike. What the hostile
/// rows say as raw words of ABI encoding, the contracts must refuse rather than cut to size.
contract TypedDataVectorsTest is Base {
    using TypedData for *;

    VectorsVm private constant VECTORS = VectorsVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function test_every_accepted_row() public {
        string memory json = vm.readFile("../tests/vectors/typed_data.json");
        uint256 i = 0;
        for (string memory row = _row("accepted", i); vm.keyExistsJson(json, row); row = _row("accepted", ++i)) {
            this.checkRow(json, row); // a call of its own, so that its memory is given back
        }
        assertEq(i, 14 * 3, "three rows of every struct");
    }

    function test_the_contracts_refuse_what_is_too_wide_or_dirty() public view {
        string memory json = vm.readFile("../tests/vectors/typed_data.json");
        uint256 refused = 0;
        uint256 i = 0;
        for (string memory row = _row("hostile", i); vm.keyExistsJson(json, row); row = _row("hostile", ++i)) {
            if (!vm.keyExistsJson(json, string.concat(row, ".words"))) continue;
            bytes memory words = vm.parseJsonBytes(json, string.concat(row, ".words"));
            (bool done,) = _ask(vm.parseJsonString(json, string.concat(row, ".struct")), words);
            assertFalse(done, vm.parseJsonString(json, string.concat(row, ".name")));
            ++refused;
        }
        assertTrue(refused > 20, "rows with words");
    }

    /// @dev One row: Python's digest, a second writing's, and the contracts' own where they tell it.
    function checkRow(string calldata json, string calldata row) external {
        string memory name = vm.parseJsonString(json, string.concat(row, ".struct"));
        string memory description = vm.parseJsonString(json, string.concat(row, ".type"));
        bytes memory encoded = VECTORS.parseJsonType(json, string.concat(row, ".message"), description);
        bytes32 structHash = vm.parseJsonBytes32(json, string.concat(row, ".struct_hash"));
        assertEq(_hash(keccak256(bytes(name)), encoded), structHash, description);
        (bool told, bytes memory answer) = _ask(name, encoded);
        if (told) assertEq(abi.decode(answer, (bytes32)), structHash, description);
        vm.chainId(vm.parseJsonUint(json, string.concat(row, ".domain.chainId")));
        address verifying = vm.parseJsonAddress(json, string.concat(row, ".domain.verifyingContract"));
        bytes32 digest = vm.parseJsonBytes32(json, string.concat(row, ".digest"));
        assertEq(TypedData.digest(verifying, structHash), digest, description);
    }

    /// @dev Asks the contract that tells a struct's id, with words that Solidity never checked.
    function _ask(string memory name, bytes memory words) private view returns (bool told, bytes memory answer) {
        bytes32 which = keccak256(bytes(name));
        if (which == keccak256("Grant")) {
            return address(grants).staticcall(bytes.concat(IGrants.grantIdOf.selector, words));
        }
        if (which == keccak256("KeyRequest")) {
            return address(releases).staticcall(bytes.concat(IReleases.requestIdOf.selector, words));
        }
    }

    function _hash(bytes32 which, bytes memory encoded) private pure returns (bytes32) {
        if (which == keccak256("Grant")) return abi.decode(encoded, (Grant)).hash();
        if (which == keccak256("KeyRequest")) return abi.decode(encoded, (KeyRequest)).hash();
        if (which == keccak256("Revoke")) return TypedData.hashRevoke(abi.decode(encoded, (bytes32)));
        if (which == keccak256("RevokeAll")) return abi.decode(encoded, (RevokeAll)).hash();
        if (which == keccak256("Enrol")) return abi.decode(encoded, (Enrol)).hash();
        if (which == keccak256("Anchor")) return abi.decode(encoded, (Anchor)).hash();
        if (which == keccak256("AnchorBatch")) return _hashBatch(encoded);
        if (which == keccak256("Revise")) return abi.decode(encoded, (Revise)).hash();
        return _hashOfMembers(which, encoded);
    }

    function _hashOfMembers(bytes32 which, bytes memory encoded) private pure returns (bytes32) {
        if (which == keccak256("Badge")) return abi.decode(encoded, (Badge)).hash();
        if (which == keccak256("Admit")) return abi.decode(encoded, (Admit)).hash();
        if (which == keccak256("Publish")) return abi.decode(encoded, (Publish)).hash();
        if (which == keccak256("WithdrawPerson")) return abi.decode(encoded, (WithdrawPerson)).hash();
        if (which == keccak256("RaiseBadgeEpoch")) return abi.decode(encoded, (RaiseBadgeEpoch)).hash();
        require(which == keccak256("HandOverStatement"), "a struct that forge cannot hash yet");
        // What a trustee signs; no contract takes it, so none declares it.
        (bytes32 requestId, uint32 trustee, bytes32 digest) = abi.decode(encoded, (bytes32, uint32, bytes32));
        bytes32 typeHash = keccak256("HandOverStatement(bytes32 requestId,uint32 trustee,bytes32 sealed)");
        return keccak256(abi.encode(typeHash, requestId, trustee, digest));
    }

    /// @dev A struct with an array inside is one dynamic value of ABI encoding.
    function _hashBatch(bytes memory encoded) private pure returns (bytes32) {
        Batch memory batch = abi.decode(encoded, (Batch));
        return batch.anchors.hash();
    }

    function _row(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]");
    }
}
