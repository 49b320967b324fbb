"""What the asking commands share: which subjects are meant, how a page is laid out, and on what it is shown."""
