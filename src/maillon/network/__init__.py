# SPDX-License-Identifier: Apache-2.0
"""The network: four or more organisations, each with a node, and final blocks none of them can stop or forge alone.

A node is four processes under one supervisor: geth executes and keeps the state, CometBFT orders and makes final, the
bridge joins the two, the gateway is the door for clients. Start with `rules.py`, the law all validators compute alike;
then `bridge.py`, which holds every proposal against it; then `supervisor.py`, which keeps the four running.
`definition.py` is a network as a file, `identity.py` a node's keys and card, `engines.py` where the engines come from.
"""
