"""`python -m streams` is `flankwatch`; the supervisor starts its roles so."""

from streams.cli import main

if __name__ == "__main__":
    main(prog_name="flankwatch")
