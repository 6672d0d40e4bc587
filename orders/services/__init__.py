"""Services: catalog, sales, payments, refunds, shifts, stock, documents and reports."""
