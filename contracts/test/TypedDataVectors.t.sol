// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, IGrants, Review } from "../src/interfaces/IGrants.sol";
import {
    Admit,
    Badge,
    ChangeExports,
    NarrowExports,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    ReplaceGovernor,
    Suspend,
    WithdrawPerson
} from "../src/interfaces/IMembers.sol";
import { IReleases, KeyRequest, Late } from "../src/interfaces/IReleases.sol";
import {
    Anchor,
    AnchorBatch,
    Erase,
    Hold,
    LiftHold,
    RequestErasure,
    Retain,
    Revise,
    Withdraw
} from "../src/interfaces/IStudies.sol";
import {
    Appoint,
    Dismiss,
    Enrol,
    EnrolBatch,
    EnrolItem,
    Lift,
    Recover,
    Restrict,
    RevokeAll,
    Rotate,
    Transfer,
    Veto
} from "../src/interfaces/ISubjects.sol";
import { Base } from "./Base.t.sol";
import { GrantTypedData } from "./utils/GrantTypedData.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @dev The cheatcodes that only this test needs.
interface VectorsVm {
    function parseJsonType(string calldata json, string calldata key, string calldata description)
        external
        pure
        returns (bytes memory);
}

/// @title The shared typed data, tests/vectors/typed_data.json.
/// @notice The same rows are read by Python, viem and eth-account: all must hash every struct alike. What the hostile
/// rows say as raw words of ABI encoding, the contracts must refuse rather than cut to size.
contract TypedDataVectorsTest is Base {
    using TypedData for *;
    using SubjectTypedData for *;
    using GrantTypedData for *;

    VectorsVm private constant VECTORS = VectorsVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function test_every_accepted_row() public {
        string memory json = vm.readFile("../tests/vectors/typed_data.json");
        uint256 i = 0;
        for (string memory row = _row("accepted", i); vm.keyExistsJson(json, row); row = _row("accepted", ++i)) {
            this.checkRow(json, row); // a call of its own, so that its memory is given back
        }
        assertEq(i, 40 * 3, "three rows of every struct");
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
        assertEq(_hash(keccak256(bytes(name)), description, encoded), structHash, description);
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

    /// @dev By the second writing of its type. What brokers and trustees take from each other is in no contract and has
    /// none: forge encodes a flat struct's words as EIP-712 hashes them, by the type that the row names.
    function _hash(bytes32 which, string memory description, bytes memory encoded) private pure returns (bytes32) {
        bytes32 found = _hashOfMembers(which, encoded);
        if (found == 0) found = _hashOfSubjects(which, encoded);
        if (found == 0) found = _hashOfStudies(which, encoded);
        if (found == 0) found = _hashOfDecisions(which, encoded);
        if (found != 0) return found;
        require(_isBrokers(which), "a struct that forge cannot hash yet");
        return keccak256(bytes.concat(keccak256(bytes(description)), encoded));
    }

    function _isBrokers(bytes32 which) private pure returns (bool) {
        return which == keccak256("HandOverStatement") || which == keccak256("LookUp") || which == keccak256("Ask")
            || which == keccak256("AskList") || which == keccak256("Decline");
    }

    function _hashOfMembers(bytes32 which, bytes memory encoded) private pure returns (bytes32 none) {
        if (which == keccak256("Badge")) return abi.decode(encoded, (Badge)).hash();
        if (which == keccak256("Admit")) return abi.decode(encoded, (Admit)).hash();
        if (which == keccak256("Suspend")) return abi.decode(encoded, (Suspend)).hash();
        if (which == keccak256("Reinstate")) return abi.decode(encoded, (Reinstate)).hash();
        if (which == keccak256("ReplaceGovernor")) return abi.decode(encoded, (ReplaceGovernor)).hash();
        if (which == keccak256("ChangeExports")) return abi.decode(encoded, (ChangeExports)).hash();
        if (which == keccak256("NarrowExports")) return abi.decode(encoded, (NarrowExports)).hash();
        if (which == keccak256("Publish")) return abi.decode(encoded, (Publish)).hash();
        if (which == keccak256("WithdrawPerson")) return abi.decode(encoded, (WithdrawPerson)).hash();
        if (which == keccak256("RaiseBadgeEpoch")) return abi.decode(encoded, (RaiseBadgeEpoch)).hash();
    }

    function _hashOfSubjects(bytes32 which, bytes memory encoded) private pure returns (bytes32 none) {
        if (which == keccak256("Enrol")) return abi.decode(encoded, (Enrol)).hash();
        if (which == keccak256("EnrolBatch")) return _hashEnrolments(abi.decode(encoded, (EnrolBatch)));
        if (which == keccak256("Rotate")) return abi.decode(encoded, (Rotate)).hash();
        if (which == keccak256("Appoint")) return abi.decode(encoded, (Appoint)).hash();
        if (which == keccak256("Dismiss")) return abi.decode(encoded, (Dismiss)).hash();
        if (which == keccak256("Restrict")) return abi.decode(encoded, (Restrict)).hash();
        if (which == keccak256("Lift")) return abi.decode(encoded, (Lift)).hash();
        if (which == keccak256("Recover")) return abi.decode(encoded, (Recover)).hash();
        if (which == keccak256("Transfer")) return abi.decode(encoded, (Transfer)).hash();
        if (which == keccak256("RevokeAll")) return abi.decode(encoded, (RevokeAll)).hash();
        if (which == keccak256("Veto")) {
            Veto memory veto = abi.decode(encoded, (Veto));
            return SubjectTypedData.hashVeto(veto.subject, veto.matter);
        }
    }

    function _hashOfStudies(bytes32 which, bytes memory encoded) private pure returns (bytes32 none) {
        if (which == keccak256("Anchor")) return abi.decode(encoded, (Anchor)).hash();
        if (which == keccak256("AnchorBatch")) return abi.decode(encoded, (AnchorBatch)).anchors.hash();
        if (which == keccak256("Revise")) return abi.decode(encoded, (Revise)).hash();
        if (which == keccak256("Withdraw")) return abi.decode(encoded, (Withdraw)).hash();
        if (which == keccak256("Retain")) return abi.decode(encoded, (Retain)).hash();
        if (which == keccak256("Hold")) return abi.decode(encoded, (Hold)).hash();
        if (which == keccak256("LiftHold")) return abi.decode(encoded, (LiftHold)).hash();
        if (which == keccak256("RequestErasure")) return abi.decode(encoded, (RequestErasure)).hash();
        if (which == keccak256("Erase")) return abi.decode(encoded, (Erase)).hash();
    }

    function _hashOfDecisions(bytes32 which, bytes memory encoded) private pure returns (bytes32 none) {
        if (which == keccak256("Grant")) return abi.decode(encoded, (Grant)).hash();
        if (which == keccak256("Revoke")) return TypedData.hashRevoke(abi.decode(encoded, (bytes32)));
        if (which == keccak256("Review")) return abi.decode(encoded, (Review)).hash();
        if (which == keccak256("KeyRequest")) return abi.decode(encoded, (KeyRequest)).hash();
        if (which == keccak256("Late")) return abi.decode(encoded, (Late)).hash();
    }

    /// @dev The contract takes items with their signatures; the registrar signs the enrolments in them.
    function _hashEnrolments(EnrolBatch memory batch) private pure returns (bytes32) {
        EnrolItem[] memory items = new EnrolItem[](batch.enrolments.length);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i].enrolment = batch.enrolments[i];
        }
        return items.hash();
    }

    function _row(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]");
    }
}
