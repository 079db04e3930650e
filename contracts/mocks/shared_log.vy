# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
"""
@title SharedLog
@license Apache-2.0
@notice Worked example of using Anchors: a log that is anchored only when two accounts stated the same.
@dev A contract can be a publish delegate like anybody else; it consents by ERC-1271. Here two operators compute the log's
     root independently.
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
# @notice Who agreed to the contract's belonging to an organisation, by the digest that says so: first one, then both.
agreed_by: public(HashMap[bytes32, DynArray[address, 2]])
# @notice Who stated a size and root first.
stated_by: public(HashMap[bytes32, address])


# Constructor


@deploy
def __init__(anchors_: address, log_id_: bytes32, operators: address[2]):
    """
    @notice A log for two operators.
    @param anchors_ The Anchors contract.
    @param log_id_ The log.
    @param operators The two accounts.
    """
    assert operators[0] != operators[1], "shared_log: two operators are one"
    anchors = IAnchors(anchors_)
    log_id = log_id_
    self.is_operator[operators[0]] = True
    self.is_operator[operators[1]] = True


# External functions that change


@external
def agree(digest: bytes32):
    """
    @notice Agree, as an operator, that this contract belong to an organisation.
    @param digest The `consent_digest` of Members.
    """
    assert self.is_operator[msg.sender], "shared_log: caller is not an operator"
    if msg.sender not in self.agreed_by[digest]:
        self.agreed_by[digest].append(msg.sender)


@external
def take():
    """
    @notice Register the log for the organisation of this contract. Anybody may say so.
    """
    extcall anchors.register(log_id)


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


# External functions that only read


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[256]) -> bytes4:
    """
    @notice ERC-1271: whether both operators agreed.
    @param digest What they agreed to.
    @param signature Nothing; agreement is in storage.
    @return bytes4 The function's own selector when they did.
    """
    if len(self.agreed_by[digest]) == 2:
        return 0x1626ba7e
    return 0x00000000
