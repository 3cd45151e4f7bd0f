"""Other libraries that compiled flows take part in; each is imported only when it is used."""
