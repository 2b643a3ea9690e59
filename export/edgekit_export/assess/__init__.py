"""How good a model is on labelled photos, how sure that is, and what it stumbles over."""
