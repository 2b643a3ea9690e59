"""`edgekit bench`: what a photo costs on this machine, and whether the clock can be trusted."""
