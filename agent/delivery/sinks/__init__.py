"""The code that speaks to a kind of destination."""
