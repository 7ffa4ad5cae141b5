"""Makes `python -m wamlab.cli` the same as `wamlab`."""

from wamlab.cli import main

raise SystemExit(main())
