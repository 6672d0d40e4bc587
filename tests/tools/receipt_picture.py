"""Draw what a receipt printer makes of ESC/POS bytes, to look at receipts without a printer.

python -m tests.tools.receipt_picture receipt.bin receipt.png
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.support.escpos_printer import COLUMN, Text, print_receipt

LINE, MARGIN = 30, 16
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"


def draw_receipt(job):
    """Return a picture of the paper."""
    receipt = print_receipt(job)
    heights = [LINE if isinstance(item, Text) else item.image.height for item in receipt.items]
    paper = Image.new("L", (receipt.width + 2 * MARGIN, sum(heights) + 2 * MARGIN), "white")
    y = MARGIN
    for item, height in zip(receipt.items, heights, strict=True):
        picture = draw_text(item) if isinstance(item, Text) else item.image
        x = (receipt.width - picture.width) // 2 if item.is_centered else 0
        paper.paste(picture, (MARGIN + x, y))
        y += height
    return paper


def draw_text(item):
    """Return a line in the letters of the printer: 12 dots each."""
    picture = Image.new("L", (max(1, len(item.text) * COLUMN), LINE), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONT, 20)
    for place, letter in enumerate(item.text):
        for offset in range(1 + item.is_strong):
            draw.text((place * COLUMN + offset, 23), letter, font=font, anchor="ls")
    return picture


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    draw_receipt(source.read_bytes()).save(target)
