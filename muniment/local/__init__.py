"""A whole Muniment on one machine: embedded servers, a Ray cluster on loopback, and the services on it."""
