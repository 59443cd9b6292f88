"""Many independent jobs: in threads here, in processes of this computer, or on a Dask cluster.

`open_workers` makes one of what a person writes after ``--scheduler``. All of them do the same two
things, `Workers.map` and `Workers.map_sum`, with results that do not depend on who did the work.
"""

from .base import Workers, WorkersLost
from .opening import SchedulerLike, open_workers, use_scheduler, workers_in_use
from .processes import Processes
from .threads import Threads

__all__ = [
    "Processes",
    "SchedulerLike",
    "Threads",
    "Workers",
    "WorkersLost",
    "open_workers",
    "use_scheduler",
    "workers_in_use",
]
