"""Draw docs/diagram.svg: the networks and the phases of the semi-supervised adversarial autoencoder.

    python docs/diagram.py

Grey arrows are the forward pass. A coloured arrow is the gradient of one phase. It starts at the loss, a ring, and ends
in each network that the phase moves, at a disc. tests/integration/test_diagram.py compares `NETWORKS`, `PHASES` and
`GROUPS` with the model that `tinyaae.build` returns.
"""

from pathlib import Path

NETWORKS = ("Q", "P", "D_cat", "D_gauss")
PHASES = {  # name -> colour, what the phase reads forwards, the networks that it moves
    "Reconstruction": ("#0067b1", "x → Q → y, z → P → x̂", ("Q", "P")),
    "Discriminate": ("#cf4a00", "x → Q → y, z → D_cat, D_gauss ← p(y), p(z)", ("D_cat", "D_gauss")),
    "Generate": ("#00805a", "x → Q → y, z → D_cat, D_gauss", ("Q",)),
    "SemiSupervised": ("#95489a", "labelled x → Q → y", ("Q",)),
}
GROUPS = {"Regularization": ("Discriminate", "Generate")}

WIDTH, HEIGHT = 800, 648
COLOURS = {number: colour for number, (colour, _, _) in enumerate(PHASES.values(), start=1)}
INK, GREY, FILL, CODE, PAPER = "#1f2933", "#69737f", "#e9edf2", "#f3f5f8", "#ffffff"
DIGIT = ("......", ".####.", "....#.", "...##.", "...#..", "..##..", "..#...", "......")
BELL = "M566 378 C594 378 596 346 606 346 C616 346 618 378 646 378 Z"


def text(x, y, words, size=16, colour=INK, anchor="start", kind=None):
    """Return words on the baseline y; those of a `kind` (network, phase, group) are bold."""
    bold = f' font-weight="bold" class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{bold}>{words}</text>'


def polygon(points):
    """Return the outline of a network."""
    return f'<polygon points="{points}" fill="{FILL}" stroke="{INK}" stroke-width="1.5" stroke-linejoin="round"/>'


def cells(x, y, shades, columns, width=8, height=16):
    """Return a grid of cells, each with a shade from 0 (white) to 1."""
    rows = len(shades) // columns
    frame = f'x="{x}" y="{y}" width="{columns * width}" height="{rows * height}"'
    filled = [
        f'<rect x="{x + k % columns * width}" y="{y + k // columns * height}" width="{width}" height="{height}" '
        f'fill="{INK}" fill-opacity="{shade}"/>'
        for k, shade in enumerate(shades)
        if shade
    ]
    return "\n".join([f'<rect {frame} fill="{PAPER}"/>', *filled, f'<rect {frame} fill="none" stroke="{GREY}"/>'])


def image(x, y, shade):
    """Return a small image of a digit."""
    return cells(x, y, [shade * (pixel == "#") for row in DIGIT for pixel in row], 6, 7, 7)


def forward(path, dotted=False):
    """Return an arrow of the forward pass."""
    dots = ' stroke-dasharray="2 4"' if dotted else ""
    return f'<path d="{path}" stroke="{GREY}" stroke-width="1.8"{dots} marker-end="url(#head0)"/>'


def gradient(phase, path):
    """Return an arrow of phase number `phase`."""
    return f'<path d="{path}" stroke="{COLOURS[phase]}" stroke-width="3.5" marker-end="url(#head{phase})"/>'


def circle(phase, x, y, fill, ink):
    """Return a circle with the number of a phase."""
    shape = f'<circle cx="{x}" cy="{y}" r="10" fill="{fill}" stroke="{COLOURS[phase]}" stroke-width="2.5"/>'
    return shape + text(x, y + 5, phase, 14, ink, "middle")


def ring(phase, x, y):
    """Return the mark of a loss."""
    return circle(phase, x, y, PAPER, COLOURS[phase])


def disc(phase, x, y):
    """Return the mark of a network that the phase moves."""
    return circle(phase, x, y, COLOURS[phase], PAPER)


def heads():
    """Return the heads of the arrows: number 0 for the forward pass, and one for each phase."""
    for number, colour in {0: GREY, **COLOURS}.items():
        size = 12 if number else 9
        yield (
            f'<marker id="head{number}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="{size}" '
            f'markerHeight="{size}" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0.5 L10 5 L0 9.5 Z" fill="{colour}"/></marker>'
        )


def networks():
    """Return the four networks."""
    return [
        polygon("130,105 250,130 250,300 130,325"), text(178, 192, "Q", 26, INK, "middle", "network"),
        polygon("550,130 670,105 670,325 550,300"), text(622, 192, "P", 26, INK, "middle", "network"),
        polygon("310,44 490,44 490,90 310,90"), text(324, 73, "D_cat", 18, INK, "start", "network"),
        polygon("310,340 490,340 490,386 310,386"), text(324, 369, "D_gauss", 18, INK, "start", "network"),
    ]  # fmt: skip


def forward_pass():
    """Return the data and the grey arrows."""
    y, z, one_hot = [0, 0, 0.1, 0, 0, 0, 0, 0.8, 0, 0.1], [0.3, 0.7, 0.1, 0.5, 0.9, 0.2, 0.6, 0.4], [0] * 7 + [1, 0, 0]
    return [
        f'<rect x="350" y="141" width="122" height="148" rx="8" fill="{CODE}"/>',
        forward("M82 215 H128"), image(36, 187, 1), text(57, 264, "x", 18, INK, "middle"),
        forward("M250 165 H356"), forward("M250 265 H356"),  # Q -> y, z
        forward("M466 165 H548"), forward("M466 265 H548"),  # y, z -> P
        forward("M400 157 V92"), forward("M400 273 V338"),  # y -> D_cat, z -> D_gauss
        forward("M478 165 V338", dotted=True),  # y -> D_gauss
        forward("M370 157 V113 H288"), forward("M228 66 H276 V101"),  # y, label -> loss
        forward("M670 153 H713"), forward("M738 184 V203"), forward("M738 247 V227"),  # P -> x̂; x̂, x -> loss
        forward("M560 67 H492"), forward("M560 363 H492"),  # p(y) -> D_cat, p(z) -> D_gauss
        cells(360, 157, y, 10), text(448, 171, "y", 18), text(488, 157, "class"),
        cells(360, 257, z, 8, 10), text(448, 271, "z", 18), text(488, 284, "style"),
        image(717, 125, 0.7), text(738, 116, "x̂", 18, INK, "middle"),
        image(717, 249, 1), text(738, 324, "x", 18, INK, "middle"),
        cells(142, 58, one_hot, 10), text(182, 48, "label, for a few x", 16, INK, "middle"),
        cells(566, 59, one_hot, 10), text(658, 72, "p(y): one-hot"),
        f'<path d="{BELL}" fill="{FILL}" stroke="{GREY}" stroke-width="1.5"/>', text(658, 368, "p(z): Gaussian"),
    ]  # fmt: skip


def gradients():
    """Return the coloured arrows, from each loss to the networks that its phase moves."""
    return [
        ring(1, 738, 215), gradient(1, "M727 215 H613"), disc(1, 602, 215), gradient(1, "M591 215 H239"),
        disc(1, 228, 215),
        ring(2, 466, 20), gradient(2, "M466 31 V57"), disc(2, 466, 68),
        ring(2, 466, 410), gradient(2, "M466 399 V373"), disc(2, 466, 362),
        ring(3, 430, 20), gradient(3, "M430 31 V180 Q430 188 422 188 H239"), disc(3, 228, 188),
        ring(3, 430, 410), gradient(3, "M430 399 V250 Q430 242 422 242 H239"), disc(3, 228, 242),
        ring(4, 276, 113), gradient(4, "M276 124 V136 Q276 144 268 144 H239"), disc(4, 228, 144),
    ]  # fmt: skip


def legend():
    """Return one row for each phase, and the key of the marks."""
    rows = [f'<path d="M28 436 H772" stroke="{GREY}" stroke-opacity="0.4"/>']
    rows += [text(x, 461, words, 15, GREY) for x, words in ((64, "phase"), (250, "reads forwards"), (640, "moves"))]
    y = 488
    for number, (phase, (colour, reads, moves)) in enumerate(PHASES.items(), start=1):
        for group, members in GROUPS.items():
            if phase == members[0]:
                rows += [text(64, y, group, kind="group"), text(250, y, "= " + ", then ".join(members))]
                y += 25
        indent = 20 * any(phase in members for members in GROUPS.values())
        rows += [disc(number, 42 + indent, y - 5), text(64 + indent, y, phase, colour=colour, kind="phase")]
        rows += [text(250, y, reads), text(640, y, ", ".join(moves))]
        y += 25
    key = HEIGHT - 20
    return [
        *rows,
        forward(f"M30 {key - 5} H64"), text(72, key, "forwards", 14, GREY),
        ring(1, 166, key - 5), text(182, key, "a loss", 14, GREY),
        gradient(1, f"M250 {key - 5} H284"), text(292, key, "its gradient", 14, GREY),
        disc(1, 404, key - 5), text(420, key, "moves this network", 14, GREY),
        forward(f"M580 {key - 5} H614", dotted=True), text(622, key, "in the quick recipe", 14, GREY),
    ]  # fmt: skip


def svg():
    """Return the picture."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" fill="none">',
        "<title>The networks and the phases of a semi-supervised adversarial autoencoder</title>",
        "<defs>", *heads(), "</defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="{PAPER}"/>',
        *networks(), *forward_pass(), *gradients(), *legend(),
        "</svg>\n",
    ])  # fmt: skip


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(svg(), encoding="utf-8", newline="\n")
