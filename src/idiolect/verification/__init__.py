"""Verification: does a response answer its example correctly? Each verifier has its own file."""

from idiolect.verification.base import Finding, Verifier
from idiolect.verification.registry import (
    NO_VERIFIER,
    VERIFIERS,
    detect_verifier,
    get_verifier,
)

__all__ = [
    "NO_VERIFIER",
    "VERIFIERS",
    "Finding",
    "Verifier",
    "detect_verifier",
    "get_verifier",
]
