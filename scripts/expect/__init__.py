"""What the recordings hold, accumulated from parsed JSON as the providers document it: no code of the project is used."""
