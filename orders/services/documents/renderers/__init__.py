"""The faces of a paper: the same words as text, as a page, as PDF and for a receipt printer."""
