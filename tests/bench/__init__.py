"""What hostvigil costs: CPU a check, memory, and how soon it speaks. `make bench` prints figures beside their bars."""
