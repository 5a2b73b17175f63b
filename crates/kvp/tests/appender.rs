//! One append: locks, torn tails, stale pools, and a fault at every system call.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kvp::Error;
use kvp::appender::Appender;
use kvp::attempt::{Attempt, TORN_AFTER};
use kvp::limits::RECORD_SIZE;
use kvp::sys::RealSys;
use support::{Fault, FaultySys, record, records};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    (folder, path)
}

fn append<S: kvp::sys::Sys>(pool: &mut Appender<S>, key: &str) -> kvp::Result<Attempt> {
    let bytes = record(key, "value");
    pool.append(|_| &bytes)
}

fn keys(path: &Path) -> Vec<String> {
    records(path).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_new_pool_is_private_and_the_mode_of_an_old_one_stays() {
    let (_folder, path) = folder();
    append(&mut Appender::new(RealSys, &path, None), "a").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    append(&mut Appender::new(RealSys, &path, None), "b").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(keys(&path), ["a", "b"]);
}

#[test]
fn an_append_says_how_many_records_there_are_already() {
    let (_folder, path) = folder();
    let mut pool = Appender::new(RealSys, &path, None);
    let bytes = record("k", "v").repeat(3);
    pool.append(|used| {
        assert_eq!(used, 0);
        &bytes
    })
    .unwrap();
    pool.append(|used| {
        assert_eq!(used, 3);
        &[]
    })
    .unwrap();
}

#[test]
fn nothing_is_written_while_somebody_holds_either_lock() {
    let (_folder, path) = folder();
    let mut pool = Appender::new(RealSys, &path, None);
    append(&mut pool, "a").unwrap();
    let other = OpenOptions::new().write(true).open(&path).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Busy);
    rustix::fs::flock(&other, rustix::fs::FlockOperation::Unlock).unwrap();
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));

    let faulty = FaultySys::with(&[("fcntl", Fault::Busy)]);
    let mut second = Appender::new(faulty.clone(), &path, None);
    assert_eq!(append(&mut second, "c").unwrap(), Attempt::Busy);
    assert!(faulty.calls().contains(&"unflock"), "flock is given back when fcntl is held");
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["a", "b", "c"]);
}

#[test]
fn a_torn_tail_is_cut_only_after_it_stayed_as_it_is() {
    let (_folder, path) = folder();
    let mut torn = record("a", "v");
    torn.extend_from_slice(&record("b", "v")[..1024]);
    fs::write(&path, &torn).unwrap();
    let mut pool = Appender::new(RealSys, &path, None);
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Unsettled);
    assert_eq!(fs::metadata(&path).unwrap().len(), torn.len() as u64);
    thread::sleep(TORN_AFTER);
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["a", "c"]);
}

#[test]
fn whoever_stopped_half_way_through_an_append_has_300_ms_to_go_on() {
    let (_folder, path) = folder();
    fs::write(&path, &record("slow", "v")[..1024]).unwrap();
    let mut pool = Appender::new(RealSys, &path, None);
    let began = Instant::now();
    while append(&mut pool, "c").unwrap() != Attempt::Done(()) {
        thread::sleep(Duration::from_millis(5));
    }
    let waited = began.elapsed();
    assert!((300..5000).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(keys(&path), ["c"]);
}

#[test]
fn an_append_of_somebody_without_locks_is_waited_for() {
    let (_folder, path) = folder();
    let whole = record("slow", "v");
    fs::write(&path, &whole[..1024]).unwrap();
    let mut pool = Appender::new(RealSys, &path, None);
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Unsettled);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&whole[1024..]).unwrap();
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["slow", "c"]);
}

#[test]
fn only_a_pool_older_than_the_boot_is_emptied() {
    let (_folder, path) = folder();
    fs::write(&path, record("old", "v")).unwrap();
    let changed = i64::try_from(
        fs::metadata(&path)
            .unwrap()
            .modified()
            .unwrap()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    append(&mut Appender::new(RealSys, &path, Some(changed)), "same second").unwrap();
    assert_eq!(keys(&path), ["old", "same second"]);
    append(&mut Appender::new(RealSys, &path, Some(changed + 3600)), "new").unwrap();
    assert_eq!(keys(&path), ["new"]);
}

#[test]
fn a_pool_that_was_deleted_is_made_anew() {
    let (_folder, path) = folder();
    let mut pool = Appender::new(RealSys, &path, None);
    append(&mut pool, "a").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["b"]);
}

#[test]
fn records_go_where_the_path_leads_and_those_of_before_are_missing() {
    let (folder, path) = folder();
    let aside = folder.path().join("aside");
    let mut pool = Appender::new(RealSys, &path, None);
    append(&mut pool, "a").unwrap();
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, record("theirs", "v").repeat(2)).unwrap();
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["theirs", "theirs", "b"]);
    assert_eq!(keys(&aside), ["a"]);
    assert_eq!(pool.take_missing(), 1);
    fs::rename(&aside, &path).unwrap();
    pool.look();
    assert_eq!(pool.take_missing(), 3);
    assert_eq!(append(&mut pool, "c").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["a", "c"]);
    assert_eq!(pool.take_missing(), 0);
}

#[test]
fn a_look_that_the_system_refuses_takes_nothing_for_gone() {
    let (_folder, path) = folder();
    let sys = FaultySys::default();
    let mut pool = Appender::new(sys.clone(), &path, None);
    append(&mut pool, "a").unwrap();
    sys.add(&[("fstat", Fault::Errno(libc::EIO)), ("open", Fault::Errno(libc::EMFILE))]);
    pool.look();
    assert_eq!(pool.take_missing(), 0);
}

#[test]
fn where_the_system_does_not_say_what_lies_at_the_path_records_go_on_to_the_open_file() {
    for errno in [libc::EACCES, libc::EIO, libc::ENOMEM, libc::ESTALE, libc::ENAMETOOLONG] {
        let (_folder, path) = folder();
        let sys = FaultySys::default();
        let mut pool = Appender::new(sys.clone(), &path, None);
        append(&mut pool, "a").unwrap();
        sys.add(&[("lstat", Fault::Errno(errno)), ("lstat", Fault::Errno(errno))]);
        pool.look();
        assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));
        assert!(sys.is_spent());
        assert_eq!(sys.calls().iter().filter(|call| **call == "open").count(), 1);
        assert_eq!(keys(&path), ["a", "b"]);
        assert_eq!(pool.take_missing(), 0);
    }
}

#[test]
fn a_path_that_leads_to_nothing_has_lost_its_records() {
    for errno in [libc::ENOENT, libc::ENOTDIR, libc::ELOOP] {
        let (_folder, path) = folder();
        let sys = FaultySys::default();
        let mut pool = Appender::new(sys.clone(), &path, None);
        append(&mut pool, "a").unwrap();
        sys.add(&[("lstat", Fault::Errno(errno)), ("open", Fault::Errno(errno))]);
        pool.look();
        assert_eq!(pool.take_missing(), 1);
    }
}

#[test]
fn what_another_file_has_counts_only_where_it_can_be_read() {
    for (call, errno) in [("open", libc::EMFILE), ("open", libc::EACCES), ("pread", libc::EIO)] {
        let (folder, path) = folder();
        let copy = folder.path().join("copy");
        let sys = FaultySys::default();
        let mut pool = Appender::new(sys.clone(), &path, None);
        append(&mut pool, "a").unwrap();
        fs::copy(&path, &copy).unwrap();
        fs::rename(&copy, &path).unwrap();
        sys.add(&[(call, Fault::Errno(errno))]);
        pool.look();
        assert!(sys.is_spent());
        assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));
        assert_eq!(keys(&path), ["a", "b"]);
        assert_eq!(pool.take_missing(), 0, "after {call}");
    }
}

#[test]
fn records_that_go_missing_after_a_failed_write_are_counted() {
    let (_folder, path) = folder();
    let sys = FaultySys::default();
    let mut pool = Appender::new(sys.clone(), &path, None);
    append(&mut pool, "a").unwrap();
    append(&mut pool, "b").unwrap();
    sys.add(&[("write", Fault::Errno(libc::ENOSPC))]);
    append(&mut pool, "c").unwrap_err();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    append(&mut pool, "c").unwrap();
    assert_eq!(pool.take_missing(), 2);
}

#[test]
fn a_pool_that_comes_to_lie_at_the_path_is_emptied_if_it_is_stale() {
    let (folder, path) = folder();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut pool = Appender::new(RealSys, &path, Some(i64::try_from(now).unwrap() - 100));
    append(&mut pool, "a").unwrap();
    let late = folder.path().join("late");
    fs::write(&late, record("of an earlier boot", "v")).unwrap();
    let before = std::time::UNIX_EPOCH + Duration::from_secs(now - 1000);
    fs::File::options().write(true).open(&late).unwrap().set_modified(before).unwrap();
    fs::rename(&late, &path).unwrap();
    append(&mut pool, "b").unwrap();
    assert_eq!(keys(&path), ["b"]);
}

#[test]
fn what_is_no_regular_file_is_refused_by_name() {
    let (folder, path) = folder();
    let refused = |path: &Path| match Appender::new(RealSys, path, None).open() {
        Err(error @ Error::NotAPoolFile { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(folder.path()).contains("is a directory"));
    fs::write(&path, "").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(refused(&link).contains("is a symbolic link"));
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(refused(&fifo).contains("is a FIFO"));
    assert!(refused(Path::new("/dev/null")).contains("is a character device"));
    let missing = folder.path().join("no/folder/pool");
    assert!(Appender::new(RealSys, missing, None).open().unwrap_err().is_not_found());
}

#[test]
fn a_fault_at_any_call_leaves_the_file_whole_and_the_next_attempt_succeeds() {
    for call in ["open", "flock", "fcntl", "fstat", "write"] {
        for errno in [libc::EIO, libc::ENOSPC] {
            let (_folder, path) = folder();
            fs::write(&path, record("old", "v")).unwrap();
            let sys = FaultySys::with(&[(call, Fault::Errno(errno))]);
            let mut pool = Appender::new(sys.clone(), &path, None);
            let error = append(&mut pool, "new").unwrap_err();
            assert!(sys.is_spent(), "{call} is called");
            assert_eq!(error.code(), "ERR_KVP_IO");
            assert_eq!(error.errno(), Some(errno));
            assert_eq!(error.path(), Some(path.as_path()));
            assert_eq!(keys(&path), ["old"], "after {call}");
            assert_eq!(append(&mut pool, "new").unwrap(), Attempt::Done(()), "after {call}");
            assert_eq!(keys(&path), ["old", "new"]);
        }
    }
}

#[test]
fn a_stale_pool_that_could_not_be_emptied_is_emptied_later() {
    let (_folder, path) = folder();
    fs::write(&path, record("old", "v")).unwrap();
    let sys = FaultySys::with(&[("ftruncate", Fault::Errno(libc::EIO))]);
    let mut pool = Appender::new(sys, &path, Some(i64::MAX));
    append(&mut pool, "new").unwrap_err();
    assert_eq!(append(&mut pool, "new").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["new"]);
}

#[test]
fn a_short_write_is_completed_or_rolled_back() {
    let (_folder, path) = folder();
    let mut pool = Appender::new(FaultySys::with(&[("write", Fault::Short(700))]), &path, None);
    assert_eq!(append(&mut pool, "completed").unwrap(), Attempt::Done(()));

    let full = [("write", Fault::Short(700)), ("write", Fault::Errno(libc::ENOSPC))];
    let mut pool = Appender::new(FaultySys::with(&full), &path, None);
    assert_eq!(append(&mut pool, "later").unwrap_err().errno(), Some(libc::ENOSPC));
    assert_eq!(keys(&path), ["completed"]);
    assert_eq!(append(&mut pool, "later").unwrap(), Attempt::Done(()));
    assert_eq!(keys(&path), ["completed", "later"]);
}

#[test]
fn what_can_not_be_rolled_back_is_said() {
    let (_folder, path) = folder();
    let faults = [
        ("write", Fault::Short(700)),
        ("write", Fault::Errno(libc::EIO)),
        ("ftruncate", Fault::Errno(libc::EIO)),
    ];
    let mut pool = Appender::new(FaultySys::with(&faults), &path, None);
    match append(&mut pool, "a").unwrap_err() {
        Error::CutShort { written, .. } => assert_eq!(written, 700),
        other => panic!("{other:?}"),
    }
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Unsettled);
    thread::sleep(TORN_AFTER);
    assert_eq!(append(&mut pool, "b").unwrap(), Attempt::Done(()));
    assert_eq!(fs::metadata(&path).unwrap().len(), RECORD_SIZE as u64);
}
