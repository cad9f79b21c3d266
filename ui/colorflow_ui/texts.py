"""The words of the page, in one place."""

from __future__ import annotations

from dataclasses import dataclass

TITLE = "colorflow"
TAGLINE = "Nobody knows which colours a grey photo had. Choose among several that are plausible."

HELP = {
    "saturation": (
        "How strong the colours are. 1 is as the model drew them, 0 its calmest guess. Beyond 1 "
        "colours get stronger and less believable."
    ),
    "strength": (
        "How far the night is from the model's plainest guess. 1 is as it was drawn; with more, "
        "lamps get brighter and less believable."
    ),
    "vivid": (
        "A factor on the finished colours: all of them get stronger or paler alike, and stay what "
        "they are. The draw is not touched, as it is by saturation."
    ),
    "variety": (
        "How far the variants differ from one another (the temperature of the draws). 1 is what "
        "suits this model; with less they are calmer and more alike."
    ),
    "share": (
        "Each variant is chosen among 32 draws and stands for those that are nearest to it: its "
        "percentage. That is an estimate, from few draws, of what this model expects, and not of "
        "how likely a colouring is the true one. What you make from a variant has none."
    ),
    "typicality": (
        "A typical draw is as ordinary as most draws; an unusual one is rare: perhaps striking, "
        "perhaps wrong."
    ),
    "draw": (
        "Representative variants are chosen among 32 draws so that each draw is near to one of "
        "them: few of them look alike, and rare colourings are among them. Independent ones are "
        "the draws as they come; usual colourings come often."
    ),
    "detail": (
        "The model looks at a larger copy of the photo, and sees small faces and small coloured "
        "things better. It takes two to four times as long, and the colours are other ones."
    ),
    "edits": (
        "Mood is the overall colour of the picture, details are the colours of its parts. Draw "
        "one of them again, or go a small step in all directions at once."
    ),
    "shares": (
        "How much of the reference's colours is taken. The first slider moves the overall mood, "
        "the last the finest details. What is not taken is drawn as for any photo."
    ),
    "hints": (
        "The model looks for colourings that are plausible and come near your colours. It is an "
        "approximation: under each result you see the colour difference that is left. Below 3 it "
        "can hardly be seen."
    ),
    "uncertainty": (
        "Sixteen colourings are drawn, and compared pixel by pixel. Where they differ by more than "
        "about 20 units of colour difference (Delta E), the colour is a guess."
    ),
}

EMPTY_COLORIZE = (
    "Your variants appear here",
    "Choose a photo, or try one of the examples. It may be a scan, a grey photo, or a colour photo "
    "that you would like to see in other colours.",
)
EMPTY_NIGHT = (
    "Your nights appear here",
    "Choose a colour photo taken by day, best of a town from afar. The model learnt from ten "
    "webcams only, and puts every lamp where it thinks one could be: none of them is real.",
)


@dataclass(frozen=True)
class VariantWords:
    """What a tab of variants says.

    Args:
        tab: its name in the page.
        again: on the button that draws others.
        same: of the seed.
        empty: heading and text where there is no photo yet.
        strength: what the factor on the codes is called; a key of :data:`HELP`.
        vivid: whether the chroma of the results can be changed.
    """

    tab: str
    again: str
    same: str
    empty: tuple[str, str]
    strength: str
    vivid: bool = True


COLORIZE = VariantWords(
    "colorize", "Other colours", "Same seed, same colours.", EMPTY_COLORIZE, "saturation"
)
NIGHT = VariantWords(
    "night", "Other nights", "Same seed, same nights.", EMPTY_NIGHT, "strength", vivid=False
)

EMPTY_HINTS = (
    "Tell it what you know",
    "Choose a photo, pick a colour, and click where it belongs. A few points are enough: a coat, "
    "a wall, the sky.",
)
EMPTY_TRANSFER = (
    "One photo's colours for another",
    "Choose a colour photo and a grey one of similar layout, such as two shots of one scene. "
    "Photos that have little in common give odd colours.",
)
EMPTY_UNCERTAINTY = (
    "Where the model is sure, and where it guesses",
    "Choose a photo. A map shows how far sixteen colourings of it differ.",
)
EMPTY_BATCH = (
    "Many photos at once",
    "Choose several photos. You get a zip file with all results and a report.",
)

LIMITS = """\
### What it cannot do

- A likely colouring is not a true one. Do not take these colours for historical evidence.
- Small coloured things, such as eyes, signs and flags, take the colour of what surrounds them.
- Skies, plants and skin mostly come out right; clothes, cars and rooms are guesses.
- The lightness of your photo is never changed, and its size is kept.

### Your photos

They are worked on by this computer's colorflow and sent nowhere else. Files are removed when you
close the page, or at the latest after an hour. No usage data is collected.
"""

STRATEGIES = [("Representative", "representative"), ("Independent", "independent")]
DETAILS = [("Usual", 1.0), ("1.5 times", 1.5), ("2 times", 2.0)]
METADATA = [
    ("Keep all details", "keep"),
    ("Leave out the place (GPS)", "no-gps"),
    ("Remove all details", "strip"),
]
FORMATS = [
    ("As the photo", "keep"),
    ("JPEG", "jpg"),
    ("PNG", "png"),
    ("WebP", "webp"),
    ("TIFF", "tif"),
]


def level_names(count: int) -> list[str]:
    """Name the levels of the latents for people.

    Args:
        count: of the levels.

    Returns:
        Names, finest first.
    """
    if count == 1:
        return ["All colours"]
    middle = {3: ["Parts"], 4: ["Small parts", "Large parts"]}
    between = middle.get(count, [f"Parts, step {i}" for i in range(1, count - 1)])
    return ["Fine details", *between, "Overall mood"]
