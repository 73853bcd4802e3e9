"""Photos: pixels, what the file says about itself, and the ground view the network sees."""

from cvgl_core.photo.projection import to_ground_view, to_perspective
from cvgl_core.photo.reader import read_photo
from cvgl_core.photo.writer import Panorama, write_photo

__all__ = ["Panorama", "read_photo", "to_ground_view", "to_perspective", "write_photo"]
