# SPDX-License-Identifier: Apache-2.0
"""Small parts every service shares. Knows nothing of any service."""
