"""The folder: one owner, a local disk, and files whose names say which one is current."""

import os
from pathlib import Path

import pytest

from receiver.spool import folder as spool_folder
from receiver.spool.folder import (
    SET_ASIDE_MAX,
    Lock,
    Reserve,
    file_system_of,
    folder_faults,
    generation,
    generations,
    prepare,
    set_aside,
)
from receiver.spool.words import SpoolRefusedError, SpoolUnavailableError

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /srv rw - nfs4 files:/srv rw
24 23 254:1 / /srv/local\\040disk rw - xfs /dev/vdb rw
25 22 0:30 / /home/me rw shared:9 master:2 - fuse.sshfs me@far: rw
26 22 0:31 / /over rw - ext4 /dev/vdc rw
27 22 0:32 / /over rw - cifs //files/over rw
short line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/spool", "ext4"),
        ("/srv/spool", "nfs4"),
        ("/srv/local disk/spool", "xfs"),
        ("/srvx", "ext4"),
        ("/home/me/var", "fuse.sshfs"),
        ("/over/spool", "cifs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.s3fs", "9p", "ceph"])
def test_a_network_file_system_is_refused_in_one_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {tmp_path} rw - {kind} far rw\n")
    monkeypatch.setattr(spool_folder, "MOUNTS", mounts)
    with pytest.raises(SpoolRefusedError, match=rf"network file system \({kind}\).*RECEIVER_SPOOL_DIR"):
        prepare(tmp_path / "spool")
    assert any(kind in fault for fault in folder_faults(tmp_path / "spool", 1))


def test_a_mount_whose_name_is_no_utf_8_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(
        b"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /media/m\xfcsli rw - vfat /dev/sdb rw\n"
    )
    monkeypatch.setattr(spool_folder, "MOUNTS", mounts)
    prepare(tmp_path / "spool")
    assert (tmp_path / "spool").is_dir()


def test_a_folder_that_was_made_is_there_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an entry of its parent, and each parent that was made too is one of the next."""
    synced: list[Path] = []
    monkeypatch.setattr(spool_folder, "sync_folder", synced.append)
    prepare(tmp_path / "var" / "spool")
    assert synced == [tmp_path / "var", tmp_path]
    prepare(tmp_path / "var" / "spool")
    assert len(synced) == 2


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    place.write_text("")
    with pytest.raises(SpoolRefusedError, match="not a folder"):
        prepare(place)
    assert any("not a folder" in fault for fault in folder_faults(place, 1))


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    with pytest.raises(SpoolRefusedError, match=f"in use by process {os.getpid()} .*RECEIVER_SPOOL_DIR"):
        Lock(tmp_path)
    first.release()
    Lock(tmp_path).release()


def test_generations_come_oldest_first_and_a_lone_log_counts(tmp_path: Path) -> None:
    others = ("spool-000012.db.new", "other.db")
    for name in ("spool-000010.db", "spool-000002.db", "spool-000011.db-wal", *others):
        (tmp_path / name).touch()
    assert [number for number, _ in generations(tmp_path)] == [2, 10, 11]


def test_what_is_set_aside_keeps_its_companions_and_only_the_newest_stay(tmp_path: Path) -> None:
    asides = []
    for number in range(1, SET_ASIDE_MAX + 3):
        path = generation(tmp_path, number)
        path.write_bytes(b"main")
        path.with_name(path.name + "-wal").write_bytes(b"log")
        asides.append(set_aside(path))
    assert generations(tmp_path) == []
    assert sorted(tmp_path.glob("damaged-*.db")) == asides[-SET_ASIDE_MAX:]
    assert len(list(tmp_path.glob("damaged-*.db-wal"))) == SET_ASIDE_MAX


def test_the_reserve_takes_its_room_and_gives_it_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    reserve.take()
    assert reserve.is_taken()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= reserve.size_bytes
    reserve.release()
    assert not reserve.is_taken()


def test_a_disk_without_room_has_no_reserve(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    reserve.size_bytes = 1 << 60
    with pytest.raises(SpoolUnavailableError, match="disk_full"):
        reserve.take()
    assert not reserve.is_taken()


def test_a_good_folder_has_no_faults_and_is_not_made_by_looking(tmp_path: Path) -> None:
    assert list(folder_faults(tmp_path / "var" / "spool", 1)) == []
    assert not (tmp_path / "var").exists()


def test_a_disk_smaller_than_the_spool_may_grow_is_a_fault(tmp_path: Path) -> None:
    assert any("RECEIVER_SPOOL_BYTES_MAX" in fault for fault in folder_faults(tmp_path, 1 << 60))
