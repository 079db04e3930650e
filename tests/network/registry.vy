# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
"""
@title Registry
@license Apache-2.0
@notice Stands for Network and Credits in tests of the node: anyone may write anything, absurd things above all.
"""


struct Validator:
    public_key: bytes32
    power: uint256
    organisation: uint256


struct Node:
    execution_key: Bytes[64]
    consensus_id: bytes20
    organisation: uint256


struct Grant:
    account: address
    amount: uint256


interface_id: public(bytes32)
mode: public(uint256)
period_length: public(uint256)
floor_tip: public(uint256)
_validators: DynArray[Validator, 70]
_nodes: DynArray[Node, 64]
_grants: DynArray[Grant, 64]


@deploy
def __init__(name: bytes32):
    self.interface_id = name
    self.period_length = 5
    self.floor_tip = 10**9


@external
def set_mode(mode: uint256):
    self.mode = mode


@external
def set_floor_tip(tip: uint256):
    self.floor_tip = tip


@external
def set_validators(entries: DynArray[Validator, 70]):
    self._validators = entries


@external
def set_nodes(entries: DynArray[Node, 64]):
    self._nodes = entries


@external
def set_grants(entries: DynArray[Grant, 64]):
    self._grants = entries


@external
@view
def validators() -> DynArray[Validator, 70]:
    assert self.mode != 1, "registry: always reverts"
    if self.mode == 2:
        raise UNREACHABLE
    if self.mode == 3:
        return []
    return self._validators


@external
@view
def nodes() -> DynArray[Node, 64]:
    assert self.mode not in [1, 2], "registry: always reverts"
    return self._nodes


@external
@view
def grants(period: uint256) -> DynArray[Grant, 64]:
    assert self.mode not in [1, 2], "registry: always reverts"
    return self._grants
