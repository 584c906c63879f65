"""The whole manifest: permissions, components and whatever hints at an embedded SDK."""

from __future__ import annotations

from collections import Counter

from scanner.apk.binaryxml import TYPE_STRING, Attributes
from scanner.apk.manifest import TYPE_REFERENCE, manifest_elements
from scanner.model import LIMITS, Limits, Value

NAME, LABEL, SCHEME = 0x01010003, 0x01010001, 0x01010027
"""Resource ids of ``android:name``, ``android:label`` and ``android:scheme``."""
LAUNCHER = "android.intent.category.LAUNCHER"
"""Category of the activities that have an icon; the label of such an activity stands under it."""
COMPONENTS = ("activity", "activity-alias", "service", "receiver", "provider")
PERMISSIONS = frozenset({"uses-permission", "uses-permission-sdk-23"})


class ManifestContents(Value, frozen=True):
    """What a manifest declares. ``label_reference`` is an id in the resource table."""

    package_name: str
    permissions: tuple[str, ...]
    components: dict[str, int]
    activities: tuple[str, ...]
    """Full class names of activities and activity aliases."""
    schemes: tuple[str, ...]
    """URI schemes that its intent filters take."""
    queried_packages: tuple[str, ...]
    label: str | None
    label_reference: int | None
    icon_labels: tuple[str | int, ...] = ()
    """Labels under its icons where they are not the app's: texts, or ids in the resource table."""


class _Gathered:
    def __init__(self) -> None:
        self.package_name = ""
        self.permissions: dict[str, None] = {}
        self.components: Counter[str] = Counter()
        self.activities: dict[str, None] = {}
        self.schemes: dict[str, None] = {}
        self.queried: dict[str, None] = {}
        self.label: str | None = None
        self.label_reference: int | None = None
        self.component_label: str | int | None = None
        self.icon_labels: dict[str | int, None] = {}


def read_contents(data: bytes, limits: Limits = LIMITS) -> ManifestContents:
    """Walk a whole binary manifest. Raises `ApkError` where it cannot be parsed to its end."""
    gathered, path = _Gathered(), list[str]()
    for element in manifest_elements(data, limits):
        del path[max(0, element.depth - 1) :]
        path.append(element.name)
        _element(gathered, path, element.attributes)
    return ManifestContents(
        package_name=gathered.package_name,
        permissions=tuple(gathered.permissions),
        components={name: gathered.components[name] for name in COMPONENTS},
        activities=tuple(gathered.activities),
        schemes=tuple(gathered.schemes),
        queried_packages=tuple(gathered.queried),
        label=gathered.label,
        label_reference=gathered.label_reference,
        icon_labels=tuple(gathered.icon_labels),
    )


def _element(gathered: _Gathered, path: list[str], found: Attributes) -> None:
    tag = path[-1]
    name = found.get(NAME, (0, 0, ""))[2]
    if len(path) == 1:
        gathered.package_name = found.get("package", (0, 0, ""))[2]
    elif tag in PERMISSIONS and name:
        gathered.permissions[name] = None
    elif tag == "application":
        label = _label(found)
        gathered.label = label if isinstance(label, str) else None
        gathered.label_reference = label if isinstance(label, int) else None
    elif tag in COMPONENTS:
        gathered.components[tag] += 1
        gathered.component_label = _label(found)
        if tag.startswith("activity") and name:
            gathered.activities[full_class_name(gathered.package_name, name)] = None
    elif tag == "data" and "intent-filter" in path and (scheme := found.get(SCHEME, (0, 0, ""))[2]):
        gathered.schemes[scheme] = None
    elif path[-2:] == ["queries", "package"] and name:
        gathered.queried[name] = None
    elif name == LAUNCHER and path[-2:] == ["intent-filter", "category"] and gathered.component_label is not None:
        gathered.icon_labels[gathered.component_label] = None


def _label(found: Attributes) -> str | int | None:
    """A label as text, or as an id in the resource table."""
    kind, value, text = found.get(LABEL, (0, 0, ""))
    return text if kind == TYPE_STRING else value if kind == TYPE_REFERENCE else None


def full_class_name(package_name: str, name: str) -> str:
    """A component's class name as Android completes it: a leading dot, or none at all, means the package."""
    if name.startswith("."):
        return package_name + name
    return name if "." in name else f"{package_name}.{name}"
