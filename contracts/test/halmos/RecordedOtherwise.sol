// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Releases } from "../../src/Releases.sol";
import { IGrants } from "../../src/interfaces/IGrants.sol";
import { IMembers } from "../../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { IStudies } from "../../src/interfaces/IStudies.sol";
import { Approval, ISubjects } from "../../src/interfaces/ISubjects.sol";
import { Vm } from "../utils/Vm.sol";
import { AnyVerifier } from "./AnyVerifier.sol";
import { Svm } from "./Svm.sol";

/// @title The cheatcode of halmos that makes bytes.
interface SvmBytes {
    function createBytes(uint256 size, string calldata name) external returns (bytes memory value);
}

/// @title A contract that answers every question with anything, and the same question with another thing each time.
contract AnyAnswers {
    SvmBytes private constant _SVM = SvmBytes(0xF3993A62377BCd56AE39D773740A5390411E8BC9);
    uint256 private constant _BYTES = 1024; // more than any answer that is asked for has

    AnyVerifier private immutable _VERIFIER = new AnyVerifier();

    // solhint-disable-next-line no-complex-fallback
    fallback(bytes calldata) external returns (bytes memory) {
        return _SVM.createBytes(_BYTES, "answer");
    }

    function verifier() external view returns (AnyVerifier) {
        return _VERIFIER;
    }
}

/// @title Nothing but `record` and `recordBatch` records for staff, unless it says that it is late.
/// @notice Whatever the other contracts answer, so here they answer anything: what the real ones say is among it, and
/// none of their ways has to be gone through. For `recordLate` those are as many as all its reasons squared.
contract RecordedOtherwiseProofs {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    Svm internal constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

    Releases internal releases;

    function setUp() public {
        AnyAnswers others = new AnyAnswers();
        address any = address(others);
        releases = new Releases(IMembers(any), ISubjects(any), IStudies(any), IGrants(any));
        svm.enableSymbolicStorage(address(others.verifier()));
        svm.enableSymbolicStorage(address(releases));
        vm.warp(svm.createUint(39, "time")); // a second less than 40 bits hold: until the year 19391
    }

    /// @dev By a badge with every role: with fewer of them nothing more is recorded, in 32 times as many ways.
    /// @custom:halmos --default-bytes-lengths 65
    function check_what_is_late_says_so(Evidence calldata evidence, uint64 time, bytes calldata signature) external {
        if (_stateOf(evidence.request).recordedAt != 0 || evidence.badge.roles != type(uint32).max) return;
        releases.recordLate(evidence, time, signature);
        assert(_stateOf(evidence.request).late);
    }

    /// @dev What was recorded in time does not become late.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_what_is_late_says_so(Evidence calldata evidence, uint64 time, bytes calldata signature) external {
        releases.recordLate(evidence, time, signature);
        assert(_stateOf(evidence.request).late);
    }

    /// @custom:halmos --array-lengths approval.signer={20,84},approval.signature=65,approval.credential={0,32}
    function check_what_is_ones_own_is_no_institutions(KeyRequest calldata request, Approval calldata approval)
        external
    {
        if (_stateOf(request).recordedAt != 0) return;
        releases.recordOwn(request, approval);
        assert(_stateOf(request).institution == 0);
    }

    /// @dev What staff recorded stays theirs.
    /// @custom:halmos --array-lengths approval.signer=20,approval.signature=65,approval.credential=0 --early-exit
    function refute_what_is_ones_own_is_no_institutions(KeyRequest calldata request, Approval calldata approval)
        external
    {
        releases.recordOwn(request, approval);
        assert(_stateOf(request).institution == 0);
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 65
    function check_there_are_four_ways_to_record(bytes32 requestId) external {
        bytes memory data = svm.createCalldata("Releases");
        bytes4 way = bytes4(data);
        vm.assume(way != Releases.record.selector && way != Releases.recordBatch.selector);
        vm.assume(way != Releases.recordLate.selector && way != Releases.recordOwn.selector);
        _callChangesNothing(data, requestId);
    }

    /// @dev Not three: a patient's own access is recorded, too.
    /// @custom:halmos --array-lengths approval.signer=20,approval.signature=65,approval.credential=0 --early-exit
    function refute_there_are_four_ways_to_record(KeyRequest calldata request, Approval calldata approval) external {
        bytes memory data = abi.encodeCall(Releases.recordOwn, (request, approval));
        _callChangesNothing(data, releases.requestIdOf(request));
    }

    function _callChangesNothing(bytes memory data, bytes32 requestId) private {
        ReleaseState memory before = releases.releaseOf(requestId);
        _call(data);
        assert(keccak256(abi.encode(before)) == keccak256(abi.encode(releases.releaseOf(requestId))));
    }

    /// @dev A call by anybody; returns whether it went through.
    function _call(bytes memory data) private returns (bool done) {
        vm.prank(address(uint160(svm.createUint(160, "sender"))));
        // solhint-disable-next-line avoid-low-level-calls
        (done,) = address(releases).call(data);
    }

    function _stateOf(KeyRequest calldata request) private view returns (ReleaseState memory) {
        return releases.releaseOf(releases.requestIdOf(request));
    }
}
