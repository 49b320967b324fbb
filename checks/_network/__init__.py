"""What check types share that speak to servers: addresses, one connection under one deadline, TLS. No type itself."""
