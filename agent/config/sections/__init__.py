"""What a drop-in file may say: one class a section, with the true defaults."""
