# SPDX-License-Identifier: Apache-2.0
"""What a stranger needs to check us: pure functions over frozen values, no network, no database, no clock.

Begin with `merkle`, which needs nothing; then `note` and `checkpoint`, what a log signs; `trie`, `execution` and
`consensus`, from a storage slot to the validators' signatures; `timestamp`; and `receipt`, which joins them in nine
numbered steps. Verification raises or returns `None`. `Invalid` means the evidence proves nothing; `Undecided` that
the check could not be made. `python -P -m maillon.evidence verify` is all of it on a command line.
"""
