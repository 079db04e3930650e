# SPDX-License-Identifier: Apache-2.0
"""The services, each of one shape. They meet only at each other's front door."""
