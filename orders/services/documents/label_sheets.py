"""Sheets of labels that shops buy for office printers."""

from dataclasses import dataclass

A4 = (210.0, 297.0)
LETTER = (215.9, 279.4)


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """A sheet of equal labels, in millimeters. The rows and columns are centered on the page."""

    name: str
    columns: int
    rows: int
    width: float
    height: float
    page: tuple[float, float] = A4
    # Between the left edges of labels, and between the top edges; by default without a gap.
    pitch_x: float | None = None
    pitch_y: float | None = None

    @property
    def per_page(self) -> int:
        return self.columns * self.rows

    @property
    def label(self) -> str:
        paper = "Letter" if self.page == LETTER else "A4"
        return f"{self.name} ({self.per_page} on {paper}, {self.width:g} x {self.height:g} mm)"

    def find_position(self, place: int) -> tuple[float, float]:
        """Return the left and top edge of a place on the page; 0 is at the top left."""
        row, column = divmod(place, self.columns)
        step_x, step_y = self.pitch_x or self.width, self.pitch_y or self.height
        used_x = (self.columns - 1) * step_x + self.width
        used_y = (self.rows - 1) * step_y + self.height
        left, top = (self.page[0] - used_x) / 2, (self.page[1] - used_y) / 2
        return left + column * step_x, top + row * step_y


# Compared with the templates of gLabels (github.com/jimevins/glabels-qt, files avery-iso, avery-us,
# zweckform-iso), to a millimeter. Three are not among them: L4736 and L4760 have the sizes of the
# sheets Rayfilm 2645 and Endisch 6519038x there, and L7159 those of FPDF's label class. 5160 has
# the step of Avery's own template, 2.75 inches.
SHEETS = {
    "L7160": LabelSheet("Avery L7160", 3, 7, 63.5, 38.1, pitch_x=66.04),
    "L7159": LabelSheet("Avery L7159", 3, 8, 63.5, 33.9, pitch_x=66.04),
    "L7163": LabelSheet("Avery L7163", 2, 7, 99.1, 38.1, pitch_x=101.6),
    "3474": LabelSheet("Avery Zweckform 3474", 3, 8, 70, 37),
    "3475": LabelSheet("Avery Zweckform 3475", 3, 8, 70, 36),
    "3490": LabelSheet("Avery Zweckform 3490", 3, 8, 70, 36),
    "L4736": LabelSheet("Avery Zweckform L4736", 4, 12, 45.7, 21.2, pitch_x=48.3),
    "L7651": LabelSheet("Avery L7651", 5, 13, 38.1, 21.2, pitch_x=40.64),
    "L4760": LabelSheet("Avery Zweckform L4760", 1, 7, 192, 38),
    "5160": LabelSheet("Avery 5160", 3, 10, 66.675, 25.4, page=LETTER, pitch_x=69.85),
    "5163": LabelSheet("Avery 5163", 2, 5, 101.6, 50.8, page=LETTER, pitch_x=106.4),
}
