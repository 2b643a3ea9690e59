"""The search for the fastest recipe that keeps what the user wants kept."""
