"""What is believed, what is told and what is not: outcomes in, states and notifications out."""
