// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Facts, KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Authority } from "../../src/interfaces/ISubjects.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract FactsTest is Base {
    using TypedData for *;

    function test_every_fact_of_a_request() public {
        give(defaultGrant());
        releases.record(defaultEvidence());
        revise(studyId, 2, sha256("two"));
        withdraw(studyId, 1);
        vm.warp(NOW + 5);
        Facts memory facts = releases.factsOf(defaultEvidence().request, defaultBadge(), vm.addr(ISSUER_2));
        assertEq(facts.time, NOW + 5, "time");
        assertEq(facts.standing.issuerEnd, KEYS_END, "issuer");
        assertTrue(facts.standing.active, "active");
        assertEq(facts.standing.badgeEpoch, 1, "badge epoch");
        assertEq(facts.standing.region, 1, "region");
        assertFalse(facts.standing.personWithdrawn, "person");
        assertEq(facts.standing.recipientEnd, KEYS_END, "recipient");
        assertEq(facts.study.subject, subject, "study's subject");
        assertEq(facts.study.revision, 2, "revision");
        assertEq(facts.study.status, 1, "status");
        assertEq(facts.study.retainUntilDay, 30_000, "day");
        assertEq(facts.study.anchoredAt, NOW, "anchored at");
        assertTrue(facts.revisionWithdrawn, "revision withdrawn");
        assertEq(facts.subject.custodian, CUSTODIAN, "custodian");
        assertEq(facts.subject.epoch, 1, "epoch");
        assertEq(facts.subject.flags, 0, "flags");
        assertEq(facts.exports, 3, "exports");
        assertEq(facts.grant.subject, subject, "grant's subject");
        assertEq(facts.grant.expiry, NOW + 30 days, "expiry");
        assertEq(facts.grant.state, 1, "grant's state");
        assertEq(facts.grant.basis, 1, "basis");
        assertEq(facts.release.recordedAt, NOW, "recorded at");
        assertEq(facts.release.lapse, NOW + 1 hours, "lapse");
        assertEq(facts.release.institution, REQUESTER, "institution");
    }

    function test_facts_about_nothing(KeyRequest memory request) public view {
        vm.assume(request.studyId != studyId && request.recipient != GATEWAY);
        Facts memory nothing;
        nothing.time = uint64(NOW);
        Facts memory facts;
        Authority memory authority;
        (facts, authority) = releases.ownFactsOf(request, hashOf(PATIENT));
        assertEq(keccak256(abi.encode(facts)), keccak256(abi.encode(nothing)), "facts");
        assertFalse(authority.current, "nobody is the signer of nobody");
    }

    function test_own_facts(uint256 key) public view {
        key = bound(key, 1, 1 << 200);
        (Facts memory facts, Authority memory authority) = releases.ownFactsOf(defaultOwnRequest(), hashOf(key));
        assertTrue(authority.current == (key == PATIENT), "current");
        assertEq(facts.subject.custodian, CUSTODIAN, "custodian");
        assertEq(facts.grant.state, 0, "grant");
        assertEq(facts.standing.recipientEnd, 0, "recipient");
        (, authority) = releases.ownFactsOf(defaultOwnRequest(), hashOf(PATIENT));
        assertTrue(authority.current, "the patient");
    }

    function test_contracts_know_what_stands_left_of_them() public view {
        assertEq(address(subjects.members()), address(members), "subjects");
        assertEq(address(studies.members()), address(members), "studies -> members");
        assertEq(address(studies.subjects()), address(subjects), "studies -> subjects");
        assertEq(address(grants.members()), address(members), "grants -> members");
        assertEq(address(grants.subjects()), address(subjects), "grants -> subjects");
        assertEq(address(grants.studies()), address(studies), "grants -> studies");
        assertEq(address(releases.members()), address(members), "releases -> members");
        assertEq(address(releases.subjects()), address(subjects), "releases -> subjects");
        assertEq(address(releases.studies()), address(studies), "releases -> studies");
        assertEq(address(releases.grants()), address(grants), "releases -> grants");
    }
}
