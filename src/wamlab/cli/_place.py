"""Where a run's processes live, as the command line names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple

from wamlab.core.errors import ConfigError
from wamlab.doctor import recommended_workers
from wamlab.engine.local import LocalPlace
from wamlab.engine.places import Opener


class Placed(NamedTuple):
    """Where to run, and with how many simulators unless the user says otherwise."""

    on: Opener
    workers: int


@contextmanager
def placed(name: str, *, workers: int | None, replicas: int) -> Iterator[Placed]:
    """Joins the cluster that was named, if one was.

    Args:
        name: What --on says: local, or see `engine.cluster.joined`.
        workers: What --workers says, if anything.

    Raises:
        ConfigError: If there is no such cluster, or Ray is not installed.
    """
    if name == "local":
        if replicas > 1:
            raise ConfigError(
                f"--replicas {replicas}: a local run has one policy; for several GPUs of one "
                "machine run ray start --head and add --on ray"
            )
        yield Placed(LocalPlace, recommended_workers() if workers is None else workers)
        return
    missing = [package for package in ("ray", "grpc") if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"--on {name}: packages {', '.join(missing)} are not installed; "
            "run pip install 'wamlab[cluster]'"
        )
    from wamlab.engine.cluster import joined, num_cpus

    with joined(name) as on:
        yield Placed(on, max(1, num_cpus()) if workers is None else workers)
