"""HTTP: paths, query strings and bodies in; bytes, headers and the error triple out."""
