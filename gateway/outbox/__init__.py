"""The buffer on disk between `POST /events` and the targets: nothing that was acknowledged is lost, and each target
gets it in order, at least once, for as long as it takes.

    outbox/<worker>/000000000001.log    segments: records, framed, in order, each fsynced before it is acknowledged
    outbox/<worker>/cursors/            how far each target has got
    outbox/<worker>.lock                held while somebody delivers that folder
    outbox/dead-letters/<target>.jsonl  what a target refuses for good, with its reason: the newest 64 MiB,
                                        and 64 MiB before them (.earlier.jsonl)
"""

from gateway.outbox.outbox import Outbox

__all__ = ["Outbox"]
