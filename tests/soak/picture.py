"""Pure: the curves of a soak as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.samples import Sample

LEFT, WIDTH, TOP, STRIP, HEIGHT = 20, 600, 60, 90, 50
"""Pixels: a strip for each curve, of which so much is the curve's."""
UNITS = Sample("MB of memory", "threads", "descriptors", "files")  # type: ignore[arg-type]  # words instead


def picture(samples: Sequence[Sample], title: str, minutes: float, outages: Sequence[bool]) -> str:
    """Draw each curve in a strip of its own, from 0 to its most.

    `outages`: whether there was one at each of the samples; drawn behind the curves, as is the first tenth.
    """
    step = WIDTH / max(1, len(samples) - 1)
    height = TOP + STRIP * len(Sample._fields) + 20
    parts = [_rectangle(LEFT, WIDTH / 10, height, "#eee")]
    parts += [_rectangle(LEFT + step * (at - 0.5), step, height, "#fdd") for at, out in enumerate(outages) if out]
    parts.append(f'<text x="{LEFT}" y="20" font-size="14">{title}</text>')
    parts.append(f'<text x="{LEFT}" y="38">grey: the start; red: an outage</text>')
    for at in range(len(Sample._fields)):
        parts += _strip(samples, at, step)
    parts.append(f'<text x="{LEFT}" y="{height - 6}">0</text>')
    parts.append(f'<text x="{LEFT + WIDTH}" y="{height - 6}" text-anchor="end">{minutes:g} minutes</text>')
    size = f'width="{LEFT * 2 + WIDTH}" height="{height}" viewBox="0 0 {LEFT * 2 + WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""])


def _strip(samples: Sequence[Sample], at: int, step: float) -> list[str]:
    bottom = TOP + STRIP * (at + 1) - 20
    values = [one[at] for one in samples]
    most = max(values) or 1
    points = " ".join(
        f"{LEFT + step * number:.1f},{bottom - HEIGHT * one / most:.1f}" for number, one in enumerate(values)
    )
    words = f"{UNITS[at]}: {values[0]:.3g} at first, {values[-1]:.3g} at last, {most:.3g} at most"
    return [
        f'<text x="{LEFT}" y="{bottom - HEIGHT - 6}">{words}</text>',
        f'<line x1="{LEFT}" y1="{bottom}" x2="{LEFT + WIDTH}" y2="{bottom}" stroke="#999"/>',
        f'<polyline points="{points}" fill="none" stroke="#06c" stroke-width="1.5"/>',
    ]


def _rectangle(x: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{height - TOP - 20}" fill="{colour}"/>'
