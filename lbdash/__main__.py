"""`python -m lbdash` is `lbdash`."""

from lbdash.cli import main

raise SystemExit(main())
