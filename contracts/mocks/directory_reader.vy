# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
"""
@title DirectoryReader
@license Apache-2.0
@notice Worked example of using the Directory: find a system contract by its name, each time it is needed.
@dev An address that is copied stays where it was when governance moves the name. One lookup costs a few thousand gas.
"""


from interfaces import IAnchors
from interfaces import IDirectory


# Constants

# @dev "Anchors".
_ANCHORS: constant(bytes32) = 0x416e63686f727300000000000000000000000000000000000000000000000000


# Immutables

# @notice The one address that is given at deployment and kept.
directory: public(immutable(IDirectory))


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Believe one Directory.
    @param directory_ Its address.
    """
    directory = IDirectory(directory_)


# External functions that only read


@external
@view
def anchored_size(log_id: bytes32) -> uint64:
    """
    @notice How far a log is anchored, asked of whatever contract is Anchors now.
    @param log_id The log.
    @return uint64 Its size; 0 when it was never anchored.
    """
    anchors: IAnchors = IAnchors(staticcall directory.lookup(_ANCHORS))
    newest: IAnchors.Newest = staticcall anchors.newest(log_id)
    return newest.size
