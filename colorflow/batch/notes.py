"""What a user is told about the variants of a photo."""

from __future__ import annotations

from collections.abc import Sequence

from colorflow.batch.results import Parcel
from colorflow.hints import FAR
from colorflow.variants import Variant

OWN = "was made by colorflow; name the file itself to colour it again"


def tell_missed(parcel: Parcel, variants: Sequence[Variant]) -> None:
    """Note the hints that some of the variants to be written did not come near.

    Args:
        parcel: the photo; its result gets the notes.
        variants: that are to be written.
    """
    for number, hint in enumerate(parcel.hints):
        worst = max(variant.residuals[number] for variant in variants)
        if worst > FAR:
            parcel.result.note(
                f"hint {number + 1}, {hint}, was missed by up to {worst:.0f} Delta E; it may "
                "contradict another one"
            )


def tell_redrawn(parcel: Parcel, variants: Sequence[Variant]) -> None:
    """Note the variants whose first draw had colours that no photo can have.

    Args:
        parcel: the photo; its result gets the note.
        variants: that are to be written.
    """
    again = [str(variant.index + 1) for variant in variants if variant.attempt]
    if again:
        which = f"variant{'s' * (len(again) > 1)} {', '.join(again)}"
        parcel.result.note(f"{which}: drawn again, as the first draw had impossible colours")
