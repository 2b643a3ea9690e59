"""The proof of an export: what was tried, what was measured, and the page that shows it."""
