// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { ReviewState } from "../interfaces/IGrants.sol";

/// @title The reviews that institutions owe.
/// @notice One queue per institution, doubly linked: the oldest is found, and any one is taken out, in constant gas.
/// Every review is due equally long after it was put in, so the queue's order is that of the due times.
library Reviews {
    uint8 internal constant NONE = 0;
    uint8 internal constant OWED = 1;
    uint8 internal constant FILED = 2;

    struct Link {
        bytes32 older;
        bytes32 newer;
    }

    struct Book {
        mapping(bytes32 grantId => ReviewState stored) states;
        mapping(bytes32 grantId => Link link) links;
        mapping(uint32 institution => bytes32 grantId) oldest;
        mapping(uint32 institution => bytes32 grantId) newest;
        mapping(bytes32 grantId => mapping(uint32 institution => bool whether)) spoken;
    }

    function get(Book storage book, bytes32 grantId) internal view returns (ReviewState memory) {
        return book.states[grantId];
    }

    /// @dev The oldest review that an institution owes, and its due time; zeros when it owes none.
    function oldestOf(Book storage book, uint32 institution) internal view returns (bytes32 grantId, uint40 dueAt) {
        grantId = book.oldest[institution];
        dueAt = book.states[grantId].dueAt;
    }

    /// @dev Whether an officer of that institution filed or contested it.
    function hasSpoken(Book storage book, bytes32 grantId, uint32 institution) internal view returns (bool) {
        return book.spoken[grantId][institution];
    }

    /// @dev Puts a review at the end of the queue. It was never in one.
    function owe(Book storage book, bytes32 grantId, uint32 institution, uint40 dueAt, bytes32 first, bytes32 second)
        internal
    {
        book.states[grantId] = ReviewState(institution, dueAt, OWED, first, second);
        bytes32 before = book.newest[institution];
        book.newest[institution] = grantId;
        if (before == 0) {
            book.oldest[institution] = grantId;
        } else {
            book.links[before].newer = grantId;
            book.links[grantId].older = before;
        }
    }

    /// @dev Takes an owed review out of the queue: somebody of that institution filed it.
    function file(Book storage book, bytes32 grantId, uint32 by) internal {
        uint32 institution = book.states[grantId].institution;
        (bytes32 older, bytes32 newer) = (book.links[grantId].older, book.links[grantId].newer);
        if (older == 0) book.oldest[institution] = newer;
        else book.links[older].newer = newer;
        if (newer == 0) book.newest[institution] = older;
        else book.links[newer].older = older;
        delete book.links[grantId];
        book.states[grantId].state = FILED;
        note(book, grantId, by);
    }

    /// @dev Notes that an officer of that institution has spoken.
    function note(Book storage book, bytes32 grantId, uint32 by) internal {
        book.spoken[grantId][by] = true;
    }
}
