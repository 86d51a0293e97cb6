"""Files with bytes changed at random, and a second reader that says what an accepted one holds."""
