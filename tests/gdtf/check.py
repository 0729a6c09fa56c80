"""Reads fixtures and a scene as a visualiser does, and holds them to the show they come from."""

import pathlib
import sys

import pygdtf
import pymvr

COLOURS = {"R": "ColorAdd_R", "G": "ColorAdd_G", "B": "ColorAdd_B", "W": "ColorAdd_W"}
ATTRIBUTES = COLOURS | {"D": "Dimmer", "S": "Shutter1", "F": "GlobalMSpeed"}


def expected(mode):
    """(break, offset, attribute) of every slot, from the mode's name."""
    letters = mode.removeprefix("custom ").upper()
    slots, dmx_break, offset = [], 1, 0
    for letter in letters:
        if letter == "+":
            dmx_break, offset = dmx_break + 1, 0
            continue
        offset += 1
        if letter != "-":
            slots.append((dmx_break, offset, ATTRIBUTES[letter]))
    return slots


def found(mode):
    slots = []
    for channel in mode.dmx_channels:
        logical = channel.logical_channels[0]
        # pygdtf fills slots that drive nothing.
        if str(logical.attribute) == "NoFeature":
            continue
        assert logical.channel_functions, channel
        assert str(channel.geometry) == "Light", channel.geometry
        slots.append((int(channel.dmx_break), int(channel.offset[0]), str(logical.attribute)))
    return slots


def check_fixture(path):
    fixture = pygdtf.FixtureType(str(path))
    assert fixture.manufacturer == "wristcast", fixture.manufacturer
    (mode,) = fixture.dmx_modes
    assert found(mode) == expected(mode.name), (mode.name, found(mode), expected(mode.name))
    defined = {attribute.name for attribute in fixture.attributes}
    used = {
        str(function.attribute)
        for channel in mode.dmx_channels
        for logical in channel.logical_channels
        for function in logical.channel_functions
    } - {"NoFeature"}
    assert used <= defined, used - defined
    assert fixture.geometries[0].geometries[0].name == "Light"
    return path.name, mode.name


def check_scene(path, fixtures):
    scene = pymvr.GeneralSceneDescription(str(path))
    (layer,) = scene.scene.layers
    groups = {one.name: one for one in layer.child_list.fixtures}
    assert len(groups) == 7, list(groups)
    for group in groups.values():
        assert (group.gdtf_spec, group.gdtf_mode) in fixtures, (group.gdtf_spec, group.gdtf_mode)

    def patch(name):
        addresses = groups[name].addresses.addresses
        return [(one.dmx_break, one.universe, one.address) for one in addresses]

    assert patch("floor <left> & more") == [(0, 1, 1)], patch("floor <left> & more")
    assert patch("over") == [(0, 1, 511), (1, 2, 1)], patch("over")
    # Art-Net behind the last sACN universe: 2, then port-address 0, then 1.
    assert patch("full") == [(0, 4, 40)], patch("full")
    position = groups["floor <left> & more"].matrix.matrix[3][:3]
    assert [float(one) for one in position] == [-2500, 12000, 0], position


folder, mvr = map(pathlib.Path, sys.argv[1:])
files = sorted(folder.glob("*.gdtf"))
assert len(files) == 7, files
fixtures = {check_fixture(file) for file in files}
check_scene(mvr, fixtures)
print(f"pygdtf and pymvr read {len(files)} fixtures and a scene of 7 groups")
