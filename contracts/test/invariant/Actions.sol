// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Handler } from "./Handler.sol";
import { HandlerGrants } from "./HandlerGrants.sol";
import { HandlerReleases } from "./HandlerReleases.sol";
import { HandlerStudies } from "./HandlerStudies.sol";
import { HandlerSubjects } from "./HandlerSubjects.sol";

/// @title Every action of the handler; some stand here twice, so that they happen more often.
library Actions {
    function all() internal pure returns (bytes4[] memory actions) {
        bytes4[10] memory members = _members();
        bytes4[12] memory subjects = _subjects();
        bytes4[10] memory studies = _studies();
        bytes4[16] memory decisions = _decisions();
        actions = new bytes4[](48);
        uint256 count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            actions[count++] = members[i];
        }
        for (uint256 i = 0; i < subjects.length; ++i) {
            actions[count++] = subjects[i];
        }
        for (uint256 i = 0; i < studies.length; ++i) {
            actions[count++] = studies[i];
        }
        for (uint256 i = 0; i < decisions.length; ++i) {
            actions[count++] = decisions[i];
        }
    }

    function _members() private pure returns (bytes4[10] memory) {
        return [
            Handler.wait.selector,
            Handler.waitLong.selector,
            Handler.suspendOrReinstate.selector,
            Handler.replaceGovernor.selector,
            Handler.changeExports.selector,
            Handler.narrowExports.selector,
            Handler.endTheBadges.selector,
            Handler.withdrawTheClinician.selector,
            Handler.endTheGateway.selector,
            Handler.wait.selector
        ];
    }

    function _subjects() private pure returns (bytes4[12] memory) {
        return [
            HandlerSubjects.enrolPatients.selector,
            HandlerSubjects.rotateSigner.selector,
            HandlerSubjects.appointSomebody.selector,
            HandlerSubjects.vetoAppointment.selector,
            HandlerSubjects.dismissSomebody.selector,
            HandlerSubjects.restrictProcessing.selector,
            HandlerSubjects.liftRestriction.selector,
            HandlerSubjects.beginRecovery.selector,
            HandlerSubjects.vetoARecovery.selector,
            HandlerSubjects.completeARecovery.selector,
            HandlerSubjects.transferCustody.selector,
            HandlerSubjects.revokeEverything.selector
        ];
    }

    function _studies() private pure returns (bytes4[10] memory) {
        return [
            HandlerStudies.anchorStudy.selector,
            HandlerStudies.reviseStudy.selector,
            HandlerStudies.withdrawStudy.selector,
            HandlerStudies.retainStudy.selector,
            HandlerStudies.holdStudy.selector,
            HandlerStudies.liftHold.selector,
            HandlerStudies.requestErasure.selector,
            HandlerStudies.eraseOne.selector,
            HandlerStudies.anchorStudy.selector,
            HandlerStudies.eraseOne.selector
        ];
    }

    function _decisions() private pure returns (bytes4[16] memory) {
        return [
            HandlerGrants.consent.selector,
            HandlerGrants.grantByTheCustodian.selector,
            HandlerGrants.openAnEmergency.selector,
            HandlerGrants.grantMany.selector,
            HandlerGrants.revokeGrant.selector,
            HandlerGrants.revokeBeforeItComes.selector,
            HandlerGrants.reviewAnEmergency.selector,
            HandlerReleases.recordOne.selector,
            HandlerReleases.recordMany.selector,
            HandlerReleases.recordAgain.selector,
            HandlerReleases.giveAndRecord.selector,
            HandlerReleases.giveAndRecord.selector,
            HandlerReleases.recordOne.selector,
            HandlerReleases.recordOwnAccess.selector,
            HandlerReleases.recordLate.selector,
            HandlerGrants.openAnEmergency.selector
        ];
    }
}
