// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The cheatcodes of halmos that these proofs use.
interface Svm {
    function createUint(uint256 bits, string calldata name) external returns (uint256 value);
    function createCalldata(string calldata contractName) external returns (bytes memory data);
    function enableSymbolicStorage(address account) external;
}
