"""Random histories, their second half: studies, grants on every basis, reviews, releases in time and late."""

from __future__ import annotations

from typing import Any

from fiducia.core import ids, rules
from fiducia.core.rules import Basis
from fiducia.core.signatures import EoaKey
from fiducia.records import ledger as acts
from fiducia.records import typed
from fiducia.records.ledger import KeyKind
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.histories import KINDS, Given, History, Kept

CERTIFICATE = b"\7" * 32


class WholeHistory(History):
    """Everything that can happen."""

    # -- studies

    def study(self) -> Kept:
        while not self.studies:
            self.do_anchor()
        return self.random.choice(self.studies)

    def do_anchor(self) -> None:
        patient = self.patient()
        anchors = tuple(
            typed.Anchor(patient.subject, self.bytes32(), self.bytes32(), self.random.choice((20_000, 30_000)))
            for _ in range(self.random.choice((1, 2)))
        )
        struct: Any = anchors[0] if len(anchors) == 1 else typed.AnchorBatch(anchors)
        if self.submit(acts.AnchorAct(anchors, self.sign(self.registrar(patient.custodian), struct))):
            for each in anchors:
                study_id = ids.study_id(patient.custodian, each.salt)
                self.studies.append(Kept(study_id, patient, each.retain_until_day))

    def do_revise(self) -> None:
        study = self.study()
        struct = typed.Revise(study.study_id, study.revision + 1, self.bytes32())
        if self.submit(acts.ReviseAct(struct, self.sign(self.registrar(study.owner.custodian), struct))):
            study.revision += 1

    def do_withdraw(self) -> None:
        study, revision = self.study(), self.random.choice((0, 1, 2, 3))
        struct = typed.Withdraw(study.study_id, revision)
        if self.random.random() < 0.2 and self.submit(self.withdraw(struct, self.registrar(study.owner.custodian))):
            study.withdrawn |= {revision} - {0}
            study.status = study.status if revision else 2

    def do_retain(self) -> None:
        study = self.study()
        struct = typed.Retain(study.study_id, study.retain + self.random.choice((-1, 0, 1)))
        if self.submit(self.retain(struct, self.registrar(study.owner.custodian))):
            study.retain = struct.retain_until_day

    def do_hold_or_lift(self) -> None:
        study = self.study()
        custodian = study.owner.custodian
        if study.held:
            struct = typed.LiftHold(study.study_id, study.holds)
            if self.submit(self.lift_hold(struct, *self.officers(custodian, 2))):
                study.held, study.holds = False, study.holds + 1
        elif self.submit(
            self.hold(typed.Hold(study.study_id, study.holds, self.bytes32()), self.staff(custodian, "OFFICER"))
        ):
            study.held = True

    def do_erase(self) -> None:
        study = self.study()
        if self.random.random() < 0.2 and self.submit(
            self.request_erasure(typed.RequestErasure(study.study_id), self.someone(study.owner))
        ):
            study.asked, study.status = True, max(study.status, 2)
        struct = typed.Erase(study.study_id, CERTIFICATE)
        if study.status == 2 and self.submit(self.erase(struct, self.registrar(study.owner.custodian))):
            study.status = 3

    # -- grants

    def do_grant(self) -> None:
        given, act = self._grant()
        if self.submit(act):
            self.grants.append(given)

    def do_grants(self) -> None:
        made = [self._grant() for _ in range(3)]
        if self.submit(acts.GrantBatchAct(tuple(act for _, act in made))):
            self.grants += [each for each, _ in made if self._lives(each)]

    def _lives(self, given: Given) -> bool:
        """The one question that only the chain's answer to a batch would settle: which of it was given."""
        return self.ledger.mirrored().grant(ids.grant_id(given.terms)) is not None

    def _grant(self) -> tuple[Given, acts.GrantAct]:
        study = self.study()
        patient, now = study.owner, self.clock.now()
        basis = self.random.choice([*Basis])
        rule = rules.basis_rule(basis)
        assert rule is not None
        is_late = basis is Basis.EMERGENCY and self.random.random() < 0.4
        starts, lasts = now - 20_000 if is_late else now - 100, self.random.choice((10_000, 80_000))
        requester = self.member()
        terms = typed.Grant(
            basis=basis,
            subject=patient.subject,
            scope=self.random.choice((study.study_id, ids.ALL_SCOPE)),
            anchored_by=ids.FUTURE_TOO,
            grantee=ids.institution_grantee(requester),
            purposes=rule.purposes & (0b11 | 1 << rules.Purpose.PUBHLTH),
            actions=rules.ALL_ACTIONS,
            not_before=starts,
            not_after=starts + lasts,
            epoch=patient.epoch,
            relay_by=now + 100,
            terms=self.bytes32(),
            salt=self.bytes32(),
        )
        by = self._approving(basis, patient.custodian, requester)
        expiry = terms.not_after
        if by is None:
            giver = self.someone(patient)
            appointment = patient.representatives.get(giver)
            if appointment and giver not in patient.signers[-1:]:
                expiry = min(expiry, appointment[0].not_after)
            return Given(terms, patient, expiry), self.grant_by(terms, giver)
        openers = by if basis is Basis.EMERGENCY else ()
        return Given(terms, patient, expiry, openers=openers), self.grant_by(terms, *by)

    def _approving(self, basis: Basis, custodian: int, requester: int) -> tuple[Staff, ...] | None:
        if basis is Basis.CONSENT:
            return None
        if basis is Basis.EMERGENCY:
            return self.staff(requester, "PHYSICIAN"), self.staff(requester, "NURSE")
        if basis is Basis.PAPER:
            return self.staff(custodian, "OFFICER"), self.staff(custodian, "NURSE")
        return (self.staff(custodian, "OFFICER"),)

    def do_revoke(self) -> None:
        given, _ = self._grant()
        if self.grants and self.random.random() < 0.9:
            given = self.random.choice(self.grants)
        requester = ids.institution_of(given.terms.grantee)
        registrar: EoaKey = w.key(KINDS[KeyKind.REGISTRAR] + given.owner.custodian)
        who: list[EoaKey | Staff] = [self.someone(given.owner), registrar, self.staff(requester, "OFFICER")]
        by = self.random.choice(who)
        if self.random.random() < 0.5 and self.submit(self.revoke_by(given.terms, by)):
            if given not in self.grants:
                given.expiry, given.openers = 0, ()
                self.grants.append(given)
            given.revoked = True

    def do_review(self) -> None:
        owed = [given for given in self.grants if given.openers]
        if not owed:
            return
        given, institution = self.random.choice(owed), self.member()
        who = self.random.choice((self.staff(institution, "OFFICER"), given.openers[0]))
        struct = typed.Review(ids.grant_id(given.terms), self.random.choice((1, 2)), self.bytes32())
        if self.submit(self.review(struct, who)):
            given.said.append(institution)

    # -- releases

    def do_record(self) -> None:
        if not self.grants:
            return
        given = self.random.choice(self.grants[-20:])
        access = self._access(given)
        if self.random.random() < 0.3:
            struct = typed.Late(ids.request_id(access.request), given.terms.not_before + 5_000)
            trustee = w.key(KINDS[KeyKind.BROKER_SIGN] + given.owner.custodian)
            self.submit(acts.RecordLateAct(access, struct, self.sign(trustee, struct)))
        else:
            self.submit(acts.RecordAct(access))
        self.requests.append(access.request)

    def _access(self, given: Given) -> typed.StaffAccess:
        terms = given.terms
        requester = ids.institution_of(terms.grantee)
        who = self.staff(requester, "OFFICER" if terms.basis == Basis.LAW else "PHYSICIAN")
        purpose = self.random.choice(rules.purposes_in(terms.purposes))
        studies = [study for study in self.studies if study.owner is given.owner] or [self.study()]
        study = self.random.choice(studies)
        request = typed.KeyRequest(
            study_id=study.study_id,
            revision=self.random.randint(1, study.revision),
            series=self.random.choice((0, 3)),
            grant_id=ids.grant_id(terms),
            purpose=purpose,
            action=self.random.randrange(5),
            person=who.person,
            recipient=ids.key_hash(KeyKind.GATEWAY, b"gateway %d" % requester),
            not_after=self.clock.now() + 10_000,
            salt=self.bytes32(),
        )
        badge = self.approval(who, terms).credential
        assert badge is not None
        return typed.StaffAccess(request, terms, badge, self.sign(who.session, request))

    def do_own(self) -> None:
        study = self.study()
        request = typed.KeyRequest(
            study_id=study.study_id,
            revision=1,
            series=0,
            grant_id=ids.NO_GRANT,
            purpose=rules.Purpose.PATRQT,
            action=rules.Action.RETAIN,
            person=ids.NO_PERSON,
            recipient=self.bytes32(),
            not_after=self.clock.now() + 10_000,
            salt=self.bytes32(),
        )
        self.submit(acts.RecordAct(typed.OwnAccess(request, self.approval(self.someone(study.owner), request), b"key")))
        self.requests.append(request)
