# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title A token for tests and measurements
@license Apache-2.0
@notice The smallest ERC-20 that wallets and clients accept. Worked example of the order of a contract's file.
"""


# Events

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256


# State

name: public(String[32])
symbol: public(String[8])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


# Construction

@deploy
def __init__(supply: uint256):
    """
    @param supply All there ever is, given to the deployer.
    """
    self.name = "Worked example"
    self.symbol = "WORK"
    self.decimals = 18
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log Transfer(sender=empty(address), receiver=msg.sender, value=supply)


# External functions that change state

@external
def transfer(receiver: address, value: uint256) -> bool:
    """
    @param receiver Who gets it.
    @param value How much.
    @return True.
    """
    self._transfer(msg.sender, receiver, value)
    return True


@external
def approve(spender: address, value: uint256) -> bool:
    """
    @param spender Who may spend.
    @param value How much.
    @return True.
    """
    self.allowance[msg.sender][spender] = value
    log Approval(owner=msg.sender, spender=spender, value=value)
    return True


@external
def transferFrom(sender: address, receiver: address, value: uint256) -> bool:
    """
    @param sender Whose it is.
    @param receiver Who gets it.
    @param value How much.
    @return True.
    """
    assert self.allowance[sender][msg.sender] >= value, "token: the allowance is too small"
    self.allowance[sender][msg.sender] -= value
    self._transfer(sender, receiver, value)
    return True


# Internal functions

@internal
def _transfer(sender: address, receiver: address, value: uint256):
    assert self.balanceOf[sender] >= value, "token: the balance is too small"
    self.balanceOf[sender] -= value
    self.balanceOf[receiver] += value
    log Transfer(sender=sender, receiver=receiver, value=value)
