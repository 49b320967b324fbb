"""How a mistake is worded, and the words of other programs."""
