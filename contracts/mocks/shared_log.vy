# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
"""
@title SharedLog
@license Apache-2.0
@notice Worked example of using Anchors: a log that is anchored only when two accounts stated the same.
@dev A contract can own a log like anybody else. Here two operators compute the log's root independently.
"""


from interfaces import IAnchors


# Immutables

# @notice Where the log is anchored.
anchors: public(immutable(IAnchors))
# @notice The log.
log_id: public(immutable(bytes32))


# Storage

# @notice Who may state.
is_operator: public(HashMap[address, bool])
# @notice Who stated a size and root first.
stated_by: public(HashMap[bytes32, address])


# Constructor


@deploy
def __init__(anchors_: address, log_id_: bytes32, operators: address[2]):
    """
    @notice Take a log that nobody owns.
    @param anchors_ The Anchors contract.
    @param log_id_ The log.
    @param operators The two accounts.
    """
    assert operators[0] != operators[1], "shared_log: two operators are one"
    anchors = IAnchors(anchors_)
    log_id = log_id_
    self.is_operator[operators[0]] = True
    self.is_operator[operators[1]] = True
    extcall IAnchors(anchors_).register(log_id_)


# External functions that change


@external
def state(size: uint64, root: bytes32):
    """
    @notice State where the log is; the second operator to state the same anchors it.
    @param size How many entries it has.
    @param root The root of its Merkle tree.
    """
    assert self.is_operator[msg.sender], "shared_log: caller is not an operator"
    statement: bytes32 = keccak256(abi_encode(size, root))
    first: address = self.stated_by[statement]
    if first == empty(address):
        self.stated_by[statement] = msg.sender
    elif first != msg.sender:
        extcall anchors.anchor(log_id, size, root)
