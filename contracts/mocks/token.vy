# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
"""
@title Token
@license Apache-2.0
@notice A member's own contract: ERC-20 and nothing else. What the benchmark moves.
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


# Storage

# @notice How much there is.
totalSupply: public(uint256)
# @notice How much an account has.
balanceOf: public(HashMap[address, uint256])
# @notice How much of an owner's a spender may move.
allowance: public(HashMap[address, HashMap[address, uint256]])


# Constructor


@deploy
def __init__(supply: uint256):
    """
    @notice Everything belongs to the deployer at first.
    @param supply How much there is.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log Transfer(sender=empty(address), receiver=msg.sender, value=supply)


# External functions that change


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move what the caller has.
    @param receiver To whom.
    @param amount How much.
    @return bool Always True.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let a spender move what the caller has.
    @param spender Who.
    @param amount How much, in all.
    @return bool Always True.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move what an owner let the caller move.
    @param owner Whose.
    @param receiver To whom.
    @param amount How much.
    @return bool Always True.
    """
    assert self.allowance[owner][msg.sender] >= amount, "token: allowance is exceeded"
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, receiver, amount)
    return True


# Internal functions that change


@internal
def _move(sender: address, receiver: address, amount: uint256):
    """
    @dev Balances add up to the supply before and after.
    @param sender From whom.
    @param receiver To whom.
    @param amount How much.
    """
    assert receiver != empty(address), "token: receiver is nobody"
    assert self.balanceOf[sender] >= amount, "token: balance is exceeded"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)
