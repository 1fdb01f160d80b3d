"""The acceptance protocol as PDF, where ``reportlab`` is installed (extra ``pdf``)."""

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from gateway.commission_acceptance import Acceptance, Result, Step
from gateway.commission_html import WORDS, facts_of, time_of, verdict_of

COLOURS = {Result.PASS: "#1f7a4d", Result.FAIL: "#b3261e", Result.SKIPPED: "#8a6d1f"}
SOFT, LINE = "#5b6875", "#dfe4e8"
MARGIN_MM = 16.0
FRAME_PADDING = 6.0
"""Points that the library keeps free on each side of the text."""
FONT, BOLD = "Vera", "VeraBd"


class PdfError(Exception):
    """No PDF can be written here; the text says what to do."""


def require_pdf() -> None:
    """Raises ``PdfError`` where no PDF can be written."""
    try:
        import reportlab  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise PdfError(
            "a PDF needs reportlab, which is not installed: pip install 'swaptwin[pdf]', or print the HTML page"
        ) from error


def write(acceptance: Acceptance, file: Path) -> None:
    """Write the protocol. Raises ``PdfError`` and ``OSError``."""
    require_pdf()
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import SimpleDocTemplate

    # The library's own fonts: they come with it, and are put into the file.
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)
    document = SimpleDocTemplate(
        str(file),
        pagesize=A4,
        leftMargin=MARGIN_MM * mm,
        rightMargin=MARGIN_MM * mm,
        topMargin=MARGIN_MM * mm,
        bottomMargin=MARGIN_MM * mm,
        title=f"Acceptance of {acceptance.name}",
        author=acceptance.engineer or "swaptwin",
        subject="Commissioning protocol",
    )

    def foot(canvas: Any, _document: Any) -> None:
        canvas.setFont(FONT, 7)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN_MM * mm, 9 * mm, f"{acceptance.site}, SHA-256 {acceptance.site_hash[:16]}…")
        canvas.drawRightString(A4[0] - MARGIN_MM * mm, 9 * mm, f"page {canvas.getPageNumber()}")

    document.build(_story(acceptance, document.width - 2 * FRAME_PADDING), onFirstPage=foot, onLaterPages=foot)


def _story(acceptance: Acceptance, width: float) -> list[Any]:
    from reportlab.platypus import Paragraph, Spacer, Table

    styles = _styles()
    verdict = COLOURS[Result.PASS if acceptance.passed else Result.FAIL]
    story: list[Any] = [
        Paragraph(escape(f"Acceptance of {acceptance.name}"), styles["title"]),
        Paragraph("Commissioning protocol", styles["soft"]),
        Spacer(1, 8),
        Table(
            [[Paragraph(f'<font color="white"><b>{escape(verdict_of(acceptance))}</b></font>', styles["body"])]],
            colWidths=[width],
            style=[("BACKGROUND", (0, 0), (-1, -1), verdict), ("TOPPADDING", (0, 0), (-1, -1), 5), *_PADDING],
        ),
        Spacer(1, 8),
        Table(
            [
                [Paragraph(escape(name), styles["soft"]), Paragraph(escape(value), styles["body"])]
                for name, value in facts_of(acceptance)
            ],
            colWidths=[80, width - 80],
            style=[("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0), *_TIGHT],
        ),
    ]
    for number, step in enumerate(acceptance.steps, start=1):
        story += _section(number, step, width, styles)
    return [*story, *_signatures(acceptance, width, styles)]


_PADDING = [("BOTTOMPADDING", (0, 0), (-1, -1), 6), ("LEFTPADDING", (0, 0), (-1, -1), 8)]
_TIGHT = [("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]


def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName=FONT, fontSize=8.5, leading=11.5)
    return {
        "body": body,
        "title": ParagraphStyle("title", parent=body, fontName=BOLD, fontSize=15, leading=19),
        "heading": ParagraphStyle("heading", parent=body, fontName=BOLD, fontSize=10, leading=13),
        "soft": ParagraphStyle("soft", parent=body, textColor=SOFT),
        "mark": ParagraphStyle("mark", parent=body, alignment=2),
        "cell": ParagraphStyle("cell", parent=body, fontSize=7, leading=8.8),
        "head": ParagraphStyle("head", parent=body, fontSize=7, leading=8.8, textColor=SOFT),
    }


def _section(number: int, step: Step, width: float, styles: dict[str, Any]) -> list[Any]:
    from reportlab.platypus import KeepTogether, Paragraph, Spacer, Table

    mark = f'<font color="{COLOURS[step.result]}"><b>{WORDS[step.result]}</b></font>'
    heading = Table(
        [[Paragraph(escape(f"{number}. {step.title}"), styles["heading"]), Paragraph(mark, styles["mark"])]],
        colWidths=[width - 60, 60],
        style=[
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("RIGHTPADDING", (1, 0), (1, -1), 0),
        ],
    )
    parts: list[Any] = [
        Spacer(1, 12),
        KeepTogether([heading, Spacer(1, 3), Paragraph(escape(f"{step.summary}."), styles["body"])]),
    ]
    parts += [Paragraph(escape(f"• {detail}"), styles["body"]) for detail in step.details]
    if step.rows:
        cells = [[Paragraph(escape(title), styles["head"]) for title in step.head]]
        cells += [[Paragraph(escape(cell), styles["cell"]) for cell in row] for row in step.rows]
        parts += [
            Spacer(1, 3),
            Table(
                cells,
                colWidths=_widths(step, width),
                repeatRows=1,
                style=[
                    ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 5),
                    *_TIGHT,
                ],
            ),
        ]
    return parts


def _widths(step: Step, width: float) -> list[float]:
    """Columns as wide as their longest cell wants, within bounds, filling the page."""
    longest = [
        min(48, max(len(row[column]) for row in [step.head, *step.rows])) + 2 for column in range(len(step.head))
    ]
    return [width * each / sum(longest) for each in longest]


def _signatures(acceptance: Acceptance, width: float, styles: dict[str, Any]) -> list[Any]:
    from reportlab.platypus import KeepTogether, Paragraph, Spacer, Table

    day = time_of(acceptance.ended, acceptance.timezone)
    table = Table(
        [
            [
                Paragraph(escape(f"{acceptance.engineer or 'Engineer'}, {day}"), styles["body"]),
                "",
                Paragraph("", styles["body"]),
            ],
            [
                Paragraph("commissioned by", styles["soft"]),
                "",
                Paragraph("accepted by, date", styles["soft"]),
            ],
        ],
        colWidths=[width * 0.46, width * 0.08, width * 0.46],
        style=[
            ("LINEABOVE", (0, 0), (0, 0), 0.7, "black"),
            ("LINEABOVE", (2, 0), (2, 0), 0.7, "black"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            *_TIGHT,
        ],
    )
    return [KeepTogether([Spacer(1, 44), table])]
