"""Users and profiles of a phone, and the packages that each of them has.

Every user is asked for alone, with ``--user``: without it, releases differ in whom they mean, and one user who may not
be asked costs the listing of all. What a user's listing does not give is a hole with the phone's own reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model import Value, counted
from scanner.sources.adb.channel import Answer
from scanner.sources.adb.phone import Phone
from scanner.sources.inventories.pm import (
    ListedPackage,
    PackageListing,
    User,
    parse_packages,
    parse_users,
    why_denied,
)

FLAGS = ("-f -i -U --show-versioncode", "-f -i -U", "-f -i", "-f", "")
"""What is asked of ``pm list packages``, in turn, until a release knows all of it: ``-U`` and the version code came
with Android 8."""
MAX_USERS = 100
"""Users of one phone who are asked; Android's own limits lie far below."""
OWNER = User(0, "Owner", 0, running=True)


class UserPackages(Value, frozen=True):
    """What one user of a phone has. ``holes`` says why that may not be all."""

    user: User
    packages: tuple[ListedPackage, ...]
    not_installed: tuple[str, ...] = ()
    """Names whose data is kept though the app is gone, and hidden ones."""
    holes: tuple[str, ...] = ()


def users_of(phone: Phone) -> tuple[tuple[User, ...], str | None]:
    """The users, and why there may be more of them."""
    answer = phone.run("pm list users")
    listing = parse_users(answer.text)
    if listing.users:
        odd = f"not understood: {listing.odd[0]}" if listing.odd else None
        many = f"{len(listing.users)} users, of whom {MAX_USERS} were asked" if listing.users[MAX_USERS:] else None
        return listing.users[:MAX_USERS], answer.problem or many or odd
    return (OWNER,), f"users could not be listed, only user 0 was asked: {reason_of(answer)}"


def packages_of(phone: Phone, user: User) -> UserPackages:
    """The packages of one user, by as many flags as the release knows."""
    answer, listing = _listed(phone, user)
    holes = list(_holes(answer, listing))
    kept: tuple[str, ...] = ()
    if listing.packages:
        names = {package.name for package in listing.packages}
        again = phone.run(f"pm list packages -u --user {user.id}")
        more = parse_packages(again.text)
        if again.problem or not more.packages:
            holes.append(f"hidden apps, and those of which data is left, may be missing: {reason_of(again)}")
        kept = tuple(package.name for package in more.packages if package.name not in names)
    return UserPackages(user, listing.packages, kept, tuple(holes))


def _listed(phone: Phone, user: User) -> tuple[Answer, PackageListing]:
    """The listing by the most flags that give any package; where none does, the last word on why."""
    first: tuple[Answer, PackageListing] | None = None
    for flags in FLAGS:
        answer = phone.run(" ".join(f"pm list packages {flags} --user {user.id}".split()))
        listing = parse_packages(answer.text)
        if listing.packages:
            return answer, listing
        first = first or (answer, listing)
        if answer.problem or why_denied(answer.complaint) or why_denied(answer.text):
            break
    return first or (answer, listing)


def _holes(answer: Answer, listing: PackageListing) -> Iterator[str]:
    if answer.problem:
        yield f"the listing is cut short: {answer.problem}"
    elif not listing.packages:
        yield reason_of(answer)
    elif listing.errors or answer.code not in {0, None}:
        yield f"the listing may be cut short: {reason_of(answer)}"
    if listing.odd_count:
        yield f"not understood: {counted(listing.odd_count, 'line')} of the listing, such as: {listing.odd[0]}"


def reason_of(answer: Answer) -> str:
    """Why an answer is not what was asked for, in the phone's own words."""
    said = answer.complaint or answer.text.strip()
    lines = said.splitlines()
    return (
        answer.problem
        or why_denied(said)
        or (lines[0][:300] if lines else "")
        or "the phone answers with an empty list, which a user that exists never has"
    )
