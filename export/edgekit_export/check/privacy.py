"""What photos tell about people, and how they lie: places, faces, and orientations that only EXIF knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgekit_export.assess.wording import count, joined, percent
from edgekit_export.check.finding import Finding, alone, suspect
from edgekit_export.check.survey import Survey

_TURNED = {2: "mirrored", 3: "upside down", 4: "mirrored upside down", 5: "mirrored, on its side", 6: "on its side",
           7: "mirrored, on its side", 8: "on its side"}  # fmt: skip


def privacy_findings(survey: Survey) -> Iterator[Finding]:
    """Places and faces."""
    pairs = list(zip(survey.photos, survey.looks, strict=True))
    placed = [suspect(photo) for photo, look in pairs if look.header.has_place]
    if placed:
        yield Finding(
            "place",
            "note",
            f"{count(len(placed), 'photo')} {'says' if len(placed) == 1 else 'say'} where on earth "
            f"{'it was' if len(placed) == 1 else 'they were'} taken",
            "Whoever gets the photos learns whose field it is. A model learns nothing of it.",
            "Certain: EXIF has a GPS position.",
            "Remove it before you give the photos away; --fix does it in the copy, without touching a pixel of a JPEG.",
            alone(placed),
        )
    faces = [suspect(photo, count(look.faces, "face")) for photo, look in pairs if look.faces]
    if faces:
        yield Finding(
            "faces",
            "note",
            f"a face may be in {count(len(faces), 'photo')}",
            "People may not want to be in a data set, and the law is often with them.",
            "A quick look, made for faces seen from the front: it misses some, and now and then sees one in a leaf.",
            "Look at them, and cut people out or ask them.",
            alone(faces),
        )


def orientation_findings(survey: Survey) -> Iterator[Finding]:
    """Photos that are stored otherwise than they are to be seen."""
    turned = [
        suspect(photo, f"stored {_TURNED[look.header.orientation]}")
        for photo, look in zip(survey.photos, survey.looks, strict=True)
        if look.header.orientation != 1
    ]
    if not turned:
        return
    share = len(turned) / len(survey.photos)
    kinds = Counter(look.header.orientation for look in survey.looks if look.header.orientation != 1)
    kind = joined([f"{number} {_TURNED[value]}" for value, number in kinds.most_common()])
    yield Finding(
        "orientation",
        "note",
        f"{count(len(turned), 'photo')}, {percent(share)}, {'is' if len(turned) == 1 else 'are'} stored turned, and "
        f"upright only by EXIF: {kind}",
        "edgekit turns them upright everywhere, in training as on the device. Many other programs do not, TensorFlow's "
        "image_dataset_from_directory among them.",
        "Certain: EXIF says so. Whether that is right, the photos below show: they stand as edgekit sees them.",
        "Nothing, as long as training and device use edgekit.",
        alone(turned),
    )
