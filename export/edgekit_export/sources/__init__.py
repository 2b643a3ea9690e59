"""Where models come from: one file for each kind that people have. `load.py` is the way in."""
