# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
"""
@title NoticeBoard
@license Apache-2.0
@notice Worked example of a publication contract: delegates of members publish notices, unless the brake is engaged.
@dev It asks the contract that is Brake now, each time, with the name the Directory lists it under.
@custom:security A contract stops because it asks. One that does not ask, or asks under the name of a contract that never
                 pauses, is not stopped by anybody: look at this before a vote gives a name.
"""


from interfaces import IBrake
from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4e6f74696365426f617264000000000000000000000000000000000000000000
# @dev "Brake" and "Members".
_BRAKE: constant(bytes32) = 0x4272616b65000000000000000000000000000000000000000000000000000000
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev A scope of Members.
_PUBLISH: constant(uint256) = 8


# Immutables

# @notice Where the system contracts are listed.
directory: public(immutable(address))


# Events


event NoticePublished:
    organisation: indexed(uint256)
    digest: indexed(bytes32)


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Believe one Directory.
    @param directory_ Its address.
    """
    directory = directory_


# External functions that change


@external
def publish(digest: bytes32):
    """
    @notice Publish a notice for one's organisation. Only its publish delegates, and not while publication is stopped.
    @param digest The SHA-256 of the notice.
    """
    organisation: uint256 = staticcall IMembers(self._contract(_MEMBERS)).acting(msg.sender, _PUBLISH)
    assert organisation != 0, "notice_board: caller is not a publish delegate of an active member"
    paused: bool = staticcall IBrake(self._contract(_BRAKE)).is_paused(_INTERFACE_ID)
    assert not paused, "notice_board: publication is stopped"
    log NoticePublished(organisation=organisation, digest=digest)


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under, and under which it asks the brake.
    @return bytes32 "NoticeBoard".
    """
    return _INTERFACE_ID


# Internal functions that only read


@internal
@view
def _contract(name: bytes32) -> address:
    """
    @dev The contract of a name, whichever it is now.
    @param name The name.
    @return address Where it is.
    """
    return staticcall IDirectory(directory).lookup(name)
