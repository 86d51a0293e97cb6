"""How large a jump is too good to be true, and which repeats are copies: measured on honest tables and on spoiled ones."""
