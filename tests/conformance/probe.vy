# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# A contract made to be asked everything a client can ask: state, events, three kinds of refusal.

event Stored:
    by: indexed(address)
    value: uint256

value: public(uint256)

@external
def store(wanted: uint256):
    assert wanted != 13, "thirteen is refused"
    if wanted > 1000:
        raw_revert(abi_encode(wanted, convert(1000, uint256), method_id=method_id("TooBig(uint256,uint256)")))
    self.value = wanted
    log Stored(by=msg.sender, value=wanted)

@external
@view
def divided(by: uint256) -> uint256:
    return 100 // by
