"""What a screen reader sees of a program: each line read on standard input is answered by one line of JSON, all that is accessible now.

Needs a session bus with `at-spi2-core` on it, and `python3-gi` of Debian. Switches accessibility on first. What is asked of all things of one
depth is asked at once: one after the other it would take seconds.
"""

import json
import sys

from gi.repository import Gio, GLib

A11Y = "org.a11y.atspi."
# AT-SPI's roles by their numbers, as far as tests name them.
ROLES = {
    16: "dialog", 23: "frame", 27: "image", 29: "label", 32: "list item", 35: "menu item", 37: "page tab", 39: "panel", 43: "push button",
    44: "radio button", 50: "separator", 55: "table", 62: "toggle button", 79: "entry", 83: "heading", 88: "link",
}
# Bits of its states.
STATES = {"checked": 4, "enabled": 8, "focused": 12, "pressed": 20, "selected": 23}
WITHIN_MS = 20_000


def accessibility_bus():
    """Says on the session bus that a screen reader is there, and connects to the bus of what is accessible."""
    session = Gio.bus_get_sync(Gio.BusType.SESSION)

    def ask(path, interface, method, arguments):
        return session.call_sync("org.a11y.Bus", path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, WITHIN_MS, None)

    for name in ("IsEnabled", "ScreenReaderEnabled"):
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        ask("/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value)
    address = ask("/org/a11y/bus", "org.a11y.Bus", "GetAddress", None).unpack()[0]
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(address, flags, None, None)


def ask_all(bus, questions):
    """The answers to all questions, which are on their way at once; None where a thing has none, or went away."""
    answers = [None] * len(questions)
    waiting = len(questions)
    loop = GLib.MainLoop()

    def answered(connection, result, index):
        nonlocal waiting
        try:
            answers[index] = connection.call_finish(result).unpack()
        except GLib.Error:
            pass
        waiting -= 1
        if waiting == 0:
            loop.quit()

    for index, ((owner, path), interface, method, arguments) in enumerate(questions):
        bus.call(owner, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, WITHIN_MS, None, answered, index)
    if questions:
        loop.run()
    return answers


def look(bus):
    """All things of all programs: role, name, where each lies on the screen, its states, and the text of what has one."""
    found = []
    things = [("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")]
    while things:
        questions = []
        for thing in things:
            questions += [
                (thing, A11Y + "Accessible", "GetChildren", None),
                (thing, A11Y + "Accessible", "GetRole", None),
                (thing, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", (A11Y + "Accessible", "Name"))),
                (thing, A11Y + "Accessible", "GetState", None),
                (thing, A11Y + "Component", "GetExtents", GLib.Variant("(u)", (0,))),
                (thing, A11Y + "Text", "GetText", GLib.Variant("(ii)", (0, -1))),
            ]
        answers = ask_all(bus, questions)
        things = []
        for at in range(0, len(answers), 6):
            children, role, name, states, place, text = (answer and answer[0] for answer in answers[at : at + 6])
            states = states or (0, 0)
            found.append(
                {
                    "role": ROLES.get(role, f"role {role}"),
                    "name": name or "",
                    "text": text if answers[at + 5] else None,
                    "place": list(place) if place else None,
                    "states": [state for state, bit in STATES.items() if states[0] >> bit & 1],
                }
            )
            things += children or []
    return found


def main():
    bus = accessibility_bus()
    print("[]", flush=True)
    for _ in sys.stdin:
        print(json.dumps(look(bus)), flush=True)


main()
