# SPDX-License-Identifier: Apache-2.0
"""The notary: one transparency log, anchored on the ledger and stamped, from which anyone gets a receipt.

A digest, or a salted commitment to one, is appended; the append is acknowledged once it is durable, and its place in
the log is its name for ever. About once a second, while there is something new, the log makes a checkpoint, publishes
it with its tiles, anchors it on the ledger, has it stamped, and every entry under it has its receipt.

Read `model`, then `rules`, `growth` (the tree, pure), `log` (the order of writes and what a crash means at each
boundary), `service` (what a member can do). Doors: `api`, `pages`, `commands`; `client` is the other side of `api`.
"""
