"""Scores that mean what they say, and from which score on an answer is to be acted on."""
