"""Crashes: the process that holds the work is killed at named points of its code, and what is left is looked at."""
