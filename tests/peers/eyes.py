"""What a screen reader sees of a program: each line read on standard input is answered by one line of JSON, all that is accessible now.

Needs a session bus, on which it switches accessibility on first; `at-spi2-core`, `python3-gi` and `gir1.2-atspi-2.0` of Debian.
"""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

STATES = [Atspi.StateType.FOCUSED, Atspi.StateType.SELECTED, Atspi.StateType.CHECKED, Atspi.StateType.PRESSED, Atspi.StateType.ENABLED]


def switch_on():
    """Says on the bus that a screen reader is there: programs build their tree only then."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        bus.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value, None, Gio.DBusCallFlags.NONE, 10_000)


def seen(thing):
    """One thing: role, name, where it lies on the screen, its states, and the text of what can be edited."""
    component = thing.get_component_iface()
    place = component.get_extents(Atspi.CoordType.SCREEN) if component else None
    text = thing.get_text_iface()
    states = thing.get_state_set()
    return {
        "role": thing.get_role_name(),
        "name": thing.get_name() or "",
        "text": Atspi.Text.get_text(text, 0, -1) if text else None,
        "place": [place.x, place.y, place.width, place.height] if place else None,
        "states": [state.value_nick for state in STATES if states.contains(state)],
    }


def look():
    """All things of all programs on this bus. One that goes away while it is asked is not there."""
    found = []
    waiting = [Atspi.get_desktop(0)]
    while waiting:
        thing = waiting.pop()
        try:
            found.append(seen(thing))
            children = [thing.get_child_at_index(index) for index in range(thing.get_child_count())]
            waiting.extend(child for child in reversed(children) if child)
        except GLib.Error:
            continue
    return found


def main():
    switch_on()
    Atspi.init()
    # Nothing is remembered between two looks.
    Atspi.get_desktop(0).set_cache_mask(Atspi.Cache.NONE)
    print("[]", flush=True)
    for _ in sys.stdin:
        print(json.dumps(look()), flush=True)


main()
