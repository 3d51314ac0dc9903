"""Jobs while everything that works on them is killed, again and again: whether each still ends right, and once."""
