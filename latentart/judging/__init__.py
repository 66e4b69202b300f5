"""How near a generator's pictures are to those that it learned from: KID, FID, precision, recall, and copies."""

from latentart.judging.judge import check_folder, judge, save

__all__ = ["check_folder", "judge", "save"]
