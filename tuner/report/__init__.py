"""The report: a result becomes a view, the view HTML, Markdown, CSV or JSON."""
