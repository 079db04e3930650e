# SPDX-License-Identifier: Apache-2.0
"""The chain: one port, two engines that do not know each other, and the Ethereum door in front."""
