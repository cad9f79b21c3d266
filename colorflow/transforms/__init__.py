"""Layer 1: invertible maps with exact per-sample log-determinants.

Knows nothing of images or of the networks that condition the maps.
"""

from colorflow.transforms.affine import ActNorm, ConditionalAffine
from colorflow.transforms.base import Condition, Transform
from colorflow.transforms.check import InvertibilityReport, check_invertible
from colorflow.transforms.compose import Multiscale, Split, TransformSequence
from colorflow.transforms.coupling import (
    AdditiveCoupling,
    AffineCoupling,
    GINCoupling,
    TwoSidedCoupling,
)
from colorflow.transforms.downsample import Flatten, Haar, Reshape
from colorflow.transforms.orthogonal import RandomOrthogonal
from colorflow.transforms.registry import get_transform, register, transform_names

__all__ = [
    "ActNorm",
    "AdditiveCoupling",
    "AffineCoupling",
    "Condition",
    "ConditionalAffine",
    "Flatten",
    "GINCoupling",
    "Haar",
    "InvertibilityReport",
    "Multiscale",
    "RandomOrthogonal",
    "Reshape",
    "Split",
    "Transform",
    "TransformSequence",
    "TwoSidedCoupling",
    "check_invertible",
    "get_transform",
    "register",
    "transform_names",
]
