"""`python -m lamina`: the same as the command `lamina`."""

from lamina.command import main

main()
