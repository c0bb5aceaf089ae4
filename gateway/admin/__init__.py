"""Views for operators: each module has the structs of one, and the pure function that makes it. Routes and commands
show the same."""
