"""Looking after Baton itself: where every model stands, what log lines say, and what wakes somebody."""
