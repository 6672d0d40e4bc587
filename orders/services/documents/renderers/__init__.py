"""Renderers of documents: plain text, HTML, PDF and ESC/POS."""
