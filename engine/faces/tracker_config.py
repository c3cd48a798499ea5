"""When a face is found, kept and given up."""

from engine.config import NonNegative, Positive, Share, checked


@checked("tracker")
class TrackerConfig:
    """When a face is found, kept and given up.

    Attributes:
        detect_every: Frames between whole looks of the detector while faces are followed; fewer in
            a slow film, see `engine.faces.schedule`.
        max_faces: Most faces followed at once.
        presence_start: Presence a new face needs.
        presence_keep: Presence below which a followed face is lost.
        inside_start: Fraction of a new face's box that must lie inside the frame.
        inside_keep: The same for a followed face.
        same_iou: Overlap above which two tracks are the same face.
        hidden_s: How long a face that is covered, turned away or not seen keeps its id.
        relink: Give a face that comes back the id of the one it looks like, whenever and wherever.
        faces: People in the whole film, where that is known: there are no more ids than these, and
            who comes back gets that of the one it looks most like.
    """

    detect_every: Positive = 10
    max_faces: Positive = 8
    presence_start: Share = 0.5
    presence_keep: Share = 0.3
    inside_start: Share = 0.6
    inside_keep: Share = 0.4
    same_iou: Share = 0.45
    hidden_s: NonNegative = 3.0
    relink: bool = False
    faces: Positive | None = None

    @property
    def at_once(self) -> int:
        """Most faces followed at once."""
        return self.max_faces if self.faces is None else min(self.max_faces, self.faces)

    @property
    def remembers(self) -> bool:
        """Whether who was seen once may come back at any time and place."""
        return self.relink or self.faces is not None
