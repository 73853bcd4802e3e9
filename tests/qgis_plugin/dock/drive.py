"""Runs inside the QGIS desktop for `screenshots.sh`: opens, drops, waits, and takes pictures.

What to do comes from the environment: CVGL_SHOTS names the folder of the city, CVGL_OUT that of the
pictures, CVGL_SCENE the scene ("empty", "located", "long", "noengine").
"""

import os
import shutil
import traceback
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QDragEnterEvent, QDropEvent
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from qgis.utils import iface, plugins

CITY, OUT = Path(os.environ["CVGL_SHOTS"]), Path(os.environ["CVGL_OUT"])
SCENE, PHOTO = os.environ["CVGL_SCENE"], os.environ.get("CVGL_PHOTO", "0000.jpg")
SIZE = [int(value) for value in os.environ.get("CVGL_SIZE", "1500x1000").split("x")]
DOCK_PX = int(os.environ.get("CVGL_DOCK", "440"))
LIMIT_S = 120


def finish(message=""):
    """Say that all is done, or what went wrong."""
    (OUT / "drive.done").write_text(message)


def guarded(step):
    """Return a step that reports its own failure."""

    def run():
        try:
            step()
        except Exception:
            finish(traceback.format_exc())

    return run


def after(seconds, step):
    """Do a step later."""
    QTimer.singleShot(round(1000 * seconds), guarded(step))


def when(condition, step, tries=10 * LIMIT_S):
    """Do a step once something holds."""
    if condition():
        step()
    elif tries:
        QTimer.singleShot(100, guarded(lambda: when(condition, step, tries - 1)))
    else:
        finish("timed out")


def drop(widget, path):
    """Drop a file on a widget, as the mouse does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    how = (
        Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )  # fmt: skip
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(10, 10), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(10, 10), *how))


def start():
    """Show the window with the imagery and the dock."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *SIZE)
    for other in window.findChildren(QDockWidget):
        if other.objectName() not in ("Layers", "CvglDock"):
            other.close()
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    layer = QgsRasterLayer(str(CITY / "ortho.tif"), "ortho")
    QgsProject.instance().addMapLayer(layer)
    iface.mapCanvas().setExtent(
        iface.mapCanvas().mapSettings().layerExtentToOutputExtent(layer, layer.extent())
    )
    plugin = plugins.get("qgis_plugin")
    if plugin is None:
        finish("the plugin was not loaded")
        return
    dock = plugin.dock
    dock.setUserVisible(True)
    window.resizeDocks([dock], [DOCK_PX], Qt.Orientation.Horizontal)
    if SCENE in ("empty", "noengine"):
        after(4, finish)
        return
    dock.located.connect(lambda _result: after(3, finish))
    dock.open_index(str(CITY / "city.cvgl"))
    when(dock.index_bar.path, lambda: drop(dock.photo_box.view, photo()))


def photo():
    """Return the photo to drop."""
    source = CITY / "photos" / PHOTO
    if SCENE != "long":
        return source
    named = OUT / ("IMG_2041 crossing, seen from the tram stop, second of four " * 3 + "é写.jpg")
    shutil.copy(source, named)
    return named


after(2, start)
