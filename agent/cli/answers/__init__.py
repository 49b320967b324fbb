"""What several commands answer in the same way: what may not be read, what is not there, pages for a terminal."""
