"""One third-party library per file; the rest of Laurel meets it only through that file."""
