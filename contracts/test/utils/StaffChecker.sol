// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge, IMembers } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Staff } from "../../src/libraries/Staff.sol";

/// @title Takes approvals as calldata, as the library does.
contract StaffChecker {
    IMembers private immutable _MEMBERS;

    constructor(IMembers members) {
        _MEMBERS = members;
    }

    function acting(Approval calldata approval, bytes32 digest, bytes20 of_) external view returns (Badge memory) {
        return Staff.requireActing(_MEMBERS, approval, digest, of_);
    }

    function officer(Approval calldata approval, bytes32 digest, bytes20 of_) external view returns (Badge memory) {
        return Staff.requireOfficer(_MEMBERS, approval, digest, of_);
    }

    function leaving(Approval calldata approval, bytes32 digest, bytes20 of_) external view returns (Badge memory) {
        return Staff.requireLeaving(_MEMBERS, approval, digest, of_);
    }

    function then(Approval calldata approval, bytes32 digest, bytes20 of_, uint256 time)
        external
        view
        returns (Badge memory)
    {
        return Staff.requireThen(_MEMBERS, approval, digest, of_, time);
    }
}
