"""Reports as one self-contained HTML page: light and dark, readable on a phone, printable."""
