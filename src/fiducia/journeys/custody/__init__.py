"""What a custodian does with a study's keys later: moved, refreshed, sealed anew, erased for good."""
